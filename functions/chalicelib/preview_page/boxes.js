// From a detector's boxes and scores to objects, as the server does it.
import { fitted } from "./pictures.js";

const MOST_CANDIDATES = 500, MOST_OBJECTS = 100;

// boxes: 4 numbers a place, in pixels of the square; scores: one a place and label. `box` of the result: parts of the picture's sides.
export function detect(boxes, scores, labels, { width, height, side, threshold, nmsIou }) {
  const [fittedWidth, fittedHeight] = fitted(width, height, side).map(Math.fround);
  const candidates = [];
  for (let i = 0; i < scores.length; i++) if (scores[i] >= threshold) candidates.push(i);
  candidates.sort((one, other) => scores[other] - scores[one] || one - other);
  const kept = [];
  for (const i of candidates.slice(0, MOST_CANDIDATES)) {
    const place = Math.floor(i / labels.length) * 4, label = i % labels.length;
    const box = [0, 1, 2, 3].map(k => Math.min(1, Math.max(0, boxes[place + k] / (k % 2 ? fittedHeight : fittedWidth))));
    const inPixels = box.map((value, k) => value * (k % 2 ? fittedHeight : fittedWidth));
    if (kept.some(other => other.label === labels[label] && overlap(other.inPixels, inPixels) > nmsIou)) continue;
    kept.push({ label: labels[label], confidence: Math.min(scores[i], 1), box, inPixels });
    if (kept.length === MOST_OBJECTS) break;
  }
  return kept;
}

function overlap(one, other) {
  const width = Math.min(one[2], other[2]) - Math.max(one[0], other[0]), height = Math.min(one[3], other[3]) - Math.max(one[1], other[1]);
  if (width <= 0 || height <= 0) return 0;
  const area = box => (box[2] - box[0]) * (box[3] - box[1]);
  return (width * height) / Math.max(area(one) + area(other) - width * height, 1e-12);
}
