// From a sound file or the microphone to the windows that the network sees, as the server cuts them.
import { rounded } from "./resample.js";

export const SAMPLE_RATE = 32000;
const MOST_WINDOWS = 32, SILENCE = 1e-4, MOST_SECONDS = 300;

// One channel at the network's rate.
export async function samplesOfFile(file) {
  const context = new OfflineAudioContext(1, 1, SAMPLE_RATE);
  const sound = await context.decodeAudioData(await file.arrayBuffer()).catch(() => null);
  if (!sound) throw new Error("This file is no sound that the browser can read.");
  const samples = new Float32Array(Math.min(sound.length, MOST_SECONDS * SAMPLE_RATE));
  for (let c = 0; c < sound.numberOfChannels; c++) {
    const channel = sound.getChannelData(c);
    for (let i = 0; i < samples.length; i++) samples[i] += channel[i] / sound.numberOfChannels;
  }
  return samples;
}

// Side by side, the last one ending with the sound, the loudest sample at 1; a short sound is repeated.
export function windows(samples, size) {
  let loudest = SILENCE;
  for (const sample of samples) loudest = Math.max(loudest, Math.abs(sample));
  const count = samples.length <= size ? 1 : Math.min(MOST_WINDOWS, Math.ceil(samples.length / size));
  const data = new Float32Array(count * size);
  for (let w = 0; w < count; w++) {
    const start = count === 1 ? 0 : rounded((w * (samples.length - size)) / (count - 1));
    for (let i = 0; i < size; i++) data[w * size + i] = samples[(start + i) % samples.length] / loudest;
  }
  return { count, data };
}

// So many seconds from a stream of the microphone.
export function record(stream, seconds) {
  return new Promise((resolve, reject) => {
    const recorder = new MediaRecorder(stream), parts = [];
    recorder.ondataavailable = event => parts.push(event.data);
    recorder.onerror = event => reject(event.error);
    recorder.onstop = () => resolve(new Blob(parts, { type: recorder.mimeType }));
    recorder.start();
    setTimeout(() => recorder.stop(), seconds * 1000);
  });
}
