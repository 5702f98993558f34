// Classifies a picture of a handwritten digit. Fill `input` from a camera or a touch pad: 28 x 28
// bytes, row by row, a white digit on black.
#include <drypoint.h>
#include "digit.h"
#include "sample.h"

static uint8_t arena[DIGIT_ARENA_SIZE];

void setup() {
    Serial.begin(115200);
}

void loop() {
    const uint8_t *input = SAMPLE;
    int32_t scores[DIGIT_OUTPUT_COUNT];
    dpt_status status = dpt_run(&digit, NULL, arena, sizeof arena, input, scores);
    Serial.println(status == DPT_OK ? dpt_label(&digit, dpt_argmax(scores, DIGIT_OUTPUT_COUNT))
                                    : dpt_status_text(status));
    delay(1000);
}
