// Samples from a microphone and from files, as int16 at the rate that a net reads.

// Runs beside the page: hands on what the microphone's track brings, 128 samples at a time.
const WORKLET = `registerProcessor("capture", class extends AudioWorkletProcessor {
  process([[channel]]) {
    if (channel) this.port.postMessage(channel.slice());
    return true;
  }
});`;

function int16(floats) {
  return Int16Array.from(floats, (x) => Math.max(-32768, Math.min(32767, Math.round(32768 * x))));
}

// A microphone that calls `heard` with samples until it is stopped.
class Microphone {
  static async open(rate, heard) {
    if (!navigator.mediaDevices) throw new Error("this address is not secure: https and localhost are");
    const own = new Microphone();
    try {
      const audio = { channelCount: 1, echoCancellation: false, noiseSuppression: false };
      own.stream = await navigator.mediaDevices.getUserMedia({ audio });
      own.context = new AudioContext({ sampleRate: rate });
      await own.context.audioWorklet.addModule(`data:text/javascript,${encodeURIComponent(WORKLET)}`);
      const node = new AudioWorkletNode(own.context, "capture", {
        numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit",
      });
      node.port.onmessage = ({ data }) => heard(int16(data));
      own.context.createMediaStreamSource(own.stream).connect(node);
    } catch (error) {
      own.stop();
      throw error;
    }
    return own;
  }

  stop() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.context?.close();
  }
}

// The samples of a sound file. The browser decodes and resamples what is no plain WAV file.
async function fileSamples(content, rate) {
  const plain = wavSamples(content, rate);
  if (plain) return plain;
  const context = new OfflineAudioContext(1, 1, rate);
  const sound = await context.decodeAudioData(content.slice().buffer);
  const mean = new Float32Array(sound.length);
  for (let k = 0; k < sound.numberOfChannels; k++) {
    sound.getChannelData(k).forEach((x, i) => { mean[i] += x / sound.numberOfChannels; });
  }
  return int16(mean);
}

// The samples of a WAV file of 16 bits, one channel and this rate; null of another file.
function wavSamples(content, rate) {
  const view = new DataView(content.buffer, content.byteOffset, content.length);
  const name = (at) => String.fromCharCode(...content.subarray(at, at + 4));
  if (name(0) !== "RIFF" || name(8) !== "WAVE") return null;
  let isPlain = false;
  for (let at = 12; at + 8 <= content.length;) {
    const size = view.getUint32(at + 4, true);
    const begin = at + 8;
    if (name(at) === "data") {
      const rest = content.length - begin;
      const isOpen = size === 0 || size >= 0xffffff00; // of a stream, whose end was not known
      if (size > rest && !isOpen) {
        throw new Error(`it is cut off: ${number(rest)} of ${number(size)} bytes of sound are there`);
      }
      if (!isPlain) return null;
      const n = (isOpen ? rest : size) >> 1;
      return Int16Array.from({ length: n }, (_, i) => view.getInt16(begin + 2 * i, true));
    }
    if (name(at) === "fmt " && begin + 16 <= content.length) {
      isPlain = view.getUint16(begin, true) === 1 && view.getUint16(begin + 2, true) === 1 &&
        view.getUint32(begin + 4, true) === rate && view.getUint16(begin + 14, true) === 16;
    }
    at = begin + size + (size % 2);
  }
  throw new Error("it has no sound");
}
