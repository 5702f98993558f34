// Reads a model, a .dpt file, over the serial port, then inputs, and prints the class of each.
// The computer sends the size of the file (four bytes, the lowest first), the file, then the bytes
// of one input after another. README.md has a sender. The sketch checks the whole file before it
// runs the model.
#include <drypoint.h>

static uint8_t blob[8192], arena[4096], input[1024];
static dpt_op ops[16];
static int32_t scores[32];
static dpt_model model;
static bool loaded = false;

static void receive(uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < size;) {
        int byte = Serial.read();
        if (byte >= 0) {
            bytes[i++] = (uint8_t)byte;
        }
    }
}

static void fail(const char *text) {
    for (;;) {
        Serial.println(text);
        delay(1000);
    }
}

void setup() {
    Serial.begin(115200);
}

void loop() {
    if (!loaded) {
        uint8_t head[4];
        receive(head, sizeof head);
        uint32_t size = head[0] | (uint32_t)head[1] << 8 | (uint32_t)head[2] << 16 |
                        (uint32_t)head[3] << 24;
        if (size > sizeof blob) {
            fail("the file is larger than `blob`");
        }
        receive(blob, size);
        dpt_status status = dpt_model_load(&model, ops, sizeof ops / sizeof *ops, blob, size);
        if (status != DPT_OK) {
            fail(dpt_status_text(status));
        }
        if (dpt_input_size(&model) > sizeof input || model.arena_size > sizeof arena ||
            dpt_output_count(&model) > sizeof scores / sizeof *scores) {
            fail("the model is larger than `input`, `arena` or `scores`");
        }
        loaded = true;
        Serial.println("ready");
    }
    receive(input, dpt_input_size(&model));
    dpt_status status = dpt_run(&model, NULL, arena, sizeof arena, input, scores);
    if (status != DPT_OK) {
        fail(dpt_status_text(status));
    }
    size_t best = dpt_argmax(scores, dpt_output_count(&model));
    Serial.print((int)best);
    Serial.print(" ");
    Serial.println(dpt_label(&model, best));
}
