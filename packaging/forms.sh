#!/bin/sh
# forms.sh DRYPOINT: in the current folder, trains a small net, exports it together with lenet-mnist
# in every form, builds each with CC (cc if not set), runs the self-tests, and counts them.
# DRYPOINT is the command of an installed package. Zephyr's, ESP-IDF's and Arduino's own builds are
# not used: their sources are compiled for this computer.
set -eu
drypoint=$1
cc="${CC:-cc} -O1 -DDPT_PLAIN_C"

"$drypoint" --version
# A table of two classes, which a line divides.
awk 'BEGIN {
  print "a,b,c,d,label"
  for (i = 0; i < 400; i++) {
    a = rand(); b = rand()
    print a "," b "," rand() "," rand() "," (a > b ? "left" : "right")
  }
}' >table.csv
"$drypoint" train --data table.csv --net mlp:16 --epochs 20 --out small.npz
"$drypoint" quantize small.npz --data table.csv --out small.dpt
"$drypoint" verify small.dpt --data table.csv
for form in plain cmake amalgamation arduino platformio zephyr esp-idf cmsis-pack; do
  "$drypoint" export lenet-mnist small.dpt --names first,second --name both \
    --out $form --form $form
done

$cc -Iplain/drypoint plain/*.c plain/drypoint/*.c -o plain_test
$cc amalgamation/*.c -o amalgamation_test
$cc -Iplatformio/include platformio/src/*.c platformio/examples/*.c -o platformio_test
$cc -Icmsis-pack/include cmsis-pack/src/*.c cmsis-pack/examples/*.c -o cmsis-pack_test
$cc -Izephyr/include zephyr/src/*.c zephyr/tests/*.c -o zephyr_test
cmake -S cmake -B cmake_build -DCMAKE_C_FLAGS=-DDPT_PLAIN_C
cmake --build cmake_build
ln -s cmake_build/both_selftest cmake_test

# An ESP-IDF application begins in app_main; an Arduino library has a sketch
# for each self-test, in place of which the main function of the plain form calls them.
echo 'void app_main(void); int main(void) { app_main(); return 0; }' >esp_main.c
$cc -Iesp-idf/include esp_main.c esp-idf/src/*.c esp-idf/test_apps/selftest/main/*.c -o esp-idf_test
$cc -Iarduino/src plain/selftest.c arduino/src/*.c arduino/examples/*/selftest.c -o arduino_test

count=0
for form in plain cmake amalgamation arduino platformio zephyr esp-idf cmsis-pack; do
  ./${form}_test >said
  for name in first second; do
    grep -x "$name: every layer as the reference says" said >/dev/null
    count=$((count + 1))
    echo "$form: self-test of $name passed"
  done
done
echo "$count self-tests passed"
