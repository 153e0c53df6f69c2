// From a file or a frame to pixels, and from pixels to the square that the network sees: as the server's scenarios do it.
import { BILINEAR, FILTERS, resample, rounded, shrink } from "./resample.js";

const MOST_PIXELS = 16_000_000; // of a canvas on some phones
const PADDING = 114;

// Upright RGB pixels; transparency on white.
export async function pixelsOfFile(file) {
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" }).catch(() => null);
  if (!bitmap) throw new Error("This file is no picture that the browser can read.");
  const start = new Uint8Array(await file.slice(0, 3).arrayBuffer());
  return { ...pixelsOf(bitmap, bitmap.width, bitmap.height), isJpeg: start[0] === 0xff && start[1] === 0xd8 && start[2] === 0xff };
}

// `drawable`: a bitmap or a video.
export function pixelsOf(drawable, width, height) {
  const scale = Math.min(1, Math.sqrt(MOST_PIXELS / (width * height)));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(drawable, 0, 0, canvas.width, canvas.height);
  const rgba = pen.getImageData(0, 0, canvas.width, canvas.height).data;
  const data = new Uint8ClampedArray((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    data[to] = rgba[from];
    data[to + 1] = rgba[from + 1];
    data[to + 2] = rgba[from + 2];
  }
  return { width: canvas.width, height: canvas.height, data, isJpeg: true };
}

// The server lets the JPEG decoder shrink by 2, 4 or 8 as long as `side` pixels remain of each side.
function reduced(picture, side) {
  if (!picture.isJpeg) return picture;
  const most = Math.min(Math.floor(picture.width / side), Math.floor(picture.height / side));
  return shrink(picture, [8, 4, 2].find(factor => most >= factor) ?? 1);
}

// The centre of the picture. `filter`: of FILTERS.
export function centre(picture, side, cropFraction, filter) {
  const whole = rounded(side / cropFraction), small = reduced(picture, whole);
  const kept = (Math.min(small.width, small.height) * side) / whole;
  const left = (small.width - kept) / 2, top = (small.height - kept) / 2;
  return resample(small, side, side, FILTERS[filter], [left, top, left + kept, top + kept]);
}

// The whole picture in the left-top corner, grey beside it.
export function letterbox(picture, side) {
  const small = reduced(picture, side), [width, height] = fitted(small.width, small.height, side);
  const shown = resample(small, width, height, BILINEAR);
  const data = new Uint8ClampedArray(side * side * 3).fill(PADDING);
  for (let y = 0; y < height; y++) data.set(shown.data.subarray(y * width * 3, (y + 1) * width * 3), y * side * 3);
  return { width: side, height: side, data };
}

export function fitted(width, height, side) {
  const scale = side / Math.max(width, height);
  return [Math.max(1, rounded(width * scale)), Math.max(1, rounded(height * scale))];
}
