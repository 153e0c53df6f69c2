// Pillow's resampling, to the bit: the server shrinks pictures with it, so the same picture gives the same tensor here.
// Pixels are {width, height, data}: RGB, 8 bits, row by row. Method: separable convolution whose filter widens as the picture shrinks,
// weights in fixed point with 22 bits, the horizontal pass first and rounded to 8 bits.

const BITS = 22;

export const BILINEAR = { support: 1, at: x => Math.max(0, 1 - Math.abs(x)) };

// Keys 1981, "Cubic convolution interpolation for digital image processing", a = -0.5
const BICUBIC = {
  support: 2,
  at(x) {
    const d = Math.abs(x), a = -0.5;
    if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
  },
};

export const FILTERS = { bilinear: BILINEAR, bicubic: BICUBIC };

// The part [left, top, right, bottom] of the picture, as width x height pixels.
export function resample(picture, width, height, filter, box = [0, 0, picture.width, picture.height]) {
  const [left, top, right, bottom] = box.map(Math.fround);
  const isSameWidth = width === picture.width && left === 0 && right === width;
  const isSameHeight = height === picture.height && top === 0 && bottom === height;
  const vertical = weights(picture.height, top, bottom, height, filter);
  let shown = picture, skipped = 0;
  if (!isSameWidth) {
    skipped = vertical.first[0];
    const end = vertical.first[height - 1] + vertical.count[height - 1];
    shown = horizontally(picture, weights(picture.width, left, right, width, filter), width, skipped, end - skipped);
  }
  return isSameHeight ? shown : vertically(shown, vertical, height, skipped);
}

// For each pixel of the result: its first source pixel, how many there are, and their weights.
function weights(size, from, to, resultSize, filter) {
  const scale = Math.fround(to - from) / resultSize, stretch = Math.max(scale, 1), support = filter.support * stretch;
  const most = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(resultSize), count = new Int32Array(resultSize), fixed = new Int32Array(resultSize * most);
  for (let i = 0; i < resultSize; i++) {
    const centre = from + (i + 0.5) * scale;
    const low = Math.max(0, Math.trunc(centre - support + 0.5)), high = Math.min(size, Math.trunc(centre + support + 0.5));
    const values = [];
    let sum = 0;
    for (let x = low; x < high; x++) {
      values.push(filter.at((x - centre + 0.5) * (1 / stretch)));
      sum += values[values.length - 1];
    }
    first[i] = low;
    count[i] = high - low;
    values.forEach((value, k) => {
      const weight = (sum ? value / sum : value) * (1 << BITS);
      fixed[i * most + k] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
    });
  }
  return { first, count, fixed, most };
}

function horizontally(picture, { first, count, fixed, most }, width, firstRow, rows) {
  const data = new Uint8ClampedArray(width * rows * 3), source = picture.data;
  for (let y = 0, out = 0; y < rows; y++) {
    const row = (y + firstRow) * picture.width;
    for (let x = 0; x < width; x++, out += 3) {
      let r = 1 << (BITS - 1), g = r, b = r;
      for (let k = 0, from = (row + first[x]) * 3, w = x * most; k < count[x]; k++, from += 3, w++) {
        const weight = fixed[w];
        r += source[from] * weight;
        g += source[from + 1] * weight;
        b += source[from + 2] * weight;
      }
      data[out] = r >> BITS;
      data[out + 1] = g >> BITS;
      data[out + 2] = b >> BITS;
    }
  }
  return { width, height: rows, data };
}

function vertically(picture, { first, count, fixed, most }, height, skipped) {
  const stride = picture.width * 3, data = new Uint8ClampedArray(stride * height), source = picture.data;
  for (let y = 0, out = 0; y < height; y++) {
    const start = (first[y] - skipped) * stride;
    for (let x = 0; x < stride; x++, out++) {
      let sum = 1 << (BITS - 1);
      for (let k = 0, from = start + x; k < count[y]; k++, from += stride) sum += source[from] * fixed[y * most + k];
      data[out] = sum >> BITS;
    }
  }
  return { width: picture.width, height, data };
}

// Means of factor x factor blocks: what decoding a JPEG at a part of its size gives, which the server does with big ones.
export function shrink(picture, factor) {
  if (factor === 1) return picture;
  const width = Math.ceil(picture.width / factor), height = Math.ceil(picture.height / factor), data = new Uint8ClampedArray(width * height * 3);
  for (let y = 0, out = 0; y < height; y++) {
    for (let x = 0; x < width; x++, out += 3) mean(picture, x * factor, y * factor, factor, data, out);
  }
  return { width, height, data };
}

function mean(picture, left, top, factor, data, out) {
  const right = Math.min(left + factor, picture.width), bottom = Math.min(top + factor, picture.height);
  let r = 0, g = 0, b = 0;
  for (let y = top; y < bottom; y++) {
    for (let x = left, from = (y * picture.width + left) * 3; x < right; x++, from += 3) {
      r += picture.data[from];
      g += picture.data[from + 1];
      b += picture.data[from + 2];
    }
  }
  const count = (right - left) * (bottom - top);
  data[out] = r / count;
  data[out + 1] = g / count;
  data[out + 2] = b / count;
}

// As Python rounds: halves to the even neighbour.
export function rounded(value) {
  const down = Math.floor(value), rest = value - down;
  return rest === 0.5 ? down + (down % 2) : Math.round(value);
}
