// Reads a signal of a watch's accelerometer and gyroscope step by step, and prints the motion each
// time the net decides. The rows of sample.h are a recording. For a row of your sensor's readings, in
// the unit of the training data: gesture_quantize(readings, GESTURE_INPUT_SIZE, row).
#include <drypoint.h>
#include "gesture.h"
#include "sample.h"

static uint8_t arena[GESTURE_ARENA_SIZE];
static size_t row = 0;

void setup() {
    Serial.begin(115200);
    dpt_reset(&gesture, arena, sizeof arena);
}

void loop() {
    int32_t scores[GESTURE_OUTPUT_COUNT];
    dpt_status status = dpt_step(&gesture, NULL, arena, sizeof arena, SAMPLE + row, scores);
    row = (row + GESTURE_INPUT_SIZE) % sizeof SAMPLE;
    if (status == DPT_OK) {
        Serial.println(dpt_label(&gesture, dpt_argmax(scores, GESTURE_OUTPUT_COUNT)));
    } else if (status != DPT_NO_OUTPUT) {
        Serial.println(dpt_status_text(status));
    }
    delay(100);
}
