// The network in this browser. `answer` gives the same labels, confidences and boxes as a service of the same model.
import { detect } from "./boxes.js";
import { centre, letterbox } from "./pictures.js";
import { windows } from "./sounds.js";

export class Model {
  #ort;
  #session;

  // `told` is preview.json; `progress(part, loaded, total)`.
  static async load(told, progress) {
    const model = new Model();
    model.told = told;
    const [ort, runtime, network] = await Promise.all([
      import("./onnxruntime.js"),
      bytesOf("onnxruntime.wasm", 14_000_000, progress),
      bytesOf("network.onnx", told.network.size_bytes, progress),
    ]);
    ort.env.wasm.numThreads = 1; // more would need cross-origin isolation
    ort.env.wasm.wasmBinary = runtime;
    model.#ort = ort;
    model.#session = await ort.InferenceSession.create(network, { executionProviders: ["wasm"] });
    return model;
  }

  // `input`: pixels or samples. -> [{label, confidence, box?}], most confident first.
  async answer(input, threshold) {
    const { kind, labels, preprocessing } = this.told, side = this.told.input.side;
    if (kind === "picture_boxes") {
      const [boxes, scores] = await this.#run(letterbox(input, side).data, [1, side, side, 3]);
      return detect(boxes, scores, labels, { ...sizeOf(input), side, threshold, nmsIou: preprocessing.nms_iou });
    }
    if (kind === "picture_labels") {
      const square = centre(input, side, preprocessing.crop_fraction, preprocessing.resample ?? "bicubic");
      const [probabilities] = await this.#run(square.data, [1, side, side, 3]);
      return ranked(labels, probabilities);
    }
    const cut = windows(input, side);
    const [probabilities] = await this.#run(cut.data, [cut.count, side]);
    return ranked(labels, probabilities);
  }

  async #run(data, shape) {
    const type = data instanceof Float32Array ? "float32" : "uint8";
    const tensor = new this.#ort.Tensor(type, type === "uint8" ? new Uint8Array(data.buffer) : data, shape);
    const outputs = await this.#session.run({ [this.told.input.name]: tensor });
    return this.told.outputs.map(name => outputs[name].data);
  }
}

const sizeOf = ({ width, height }) => ({ width, height });

function ranked(labels, probabilities) {
  const found = labels.map((label, k) => ({ label, confidence: probabilities[k] }));
  return found.sort((one, other) => other.confidence - one.confidence);
}

async function bytesOf(name, total, progress) {
  const reply = await fetch(new URL(name, import.meta.url));
  if (!reply.ok) throw new Error(`${name} could not be loaded (${reply.status}). Open the link again, or ask for a new one.`);
  const reader = reply.body.getReader(), parts = [];
  let loaded = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    progress(name, (loaded += part.value.length), total);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
