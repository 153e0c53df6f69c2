// What is on the screen. The model: model.js.
import { Model } from "./model.js";
import { startKeeping } from "./offline.js";
import { pixelsOf, pixelsOfFile } from "./pictures.js";
import { record, samplesOfFile } from "./sounds.js";

const COLOURS = ["#c2143f", "#1f7a35", "#3550c4", "#a8500a", "#7d1a96", "#00706e", "#7a4f1c", "#666600"];  // white is read on each
const SHOWN = 5, RECORDED_SECONDS = 3;
const $ = id => document.getElementById(id);
const video = document.querySelector("video");
let model, stream, frame, facing = "environment", isKept = false;

start().catch(fail);

async function start() {
  isKept = await startKeeping();
  const reply = await fetch("preview.json");
  if (!reply.ok) throw new Error((await reply.json()).error.message);
  const told = await reply.json();
  describe(told);
  model = await Model.load(told, (part, loaded, total) => say(`Loading ${part}: ${Math.min(100, Math.round((100 * loaded) / total))} %`));
  $("live").disabled = $("file").disabled = false;
  $("live").addEventListener("click", () => toggle().catch(fail));
  $("turn").addEventListener("click", () => turn().catch(fail));
  $("file").addEventListener("change", () => openFile().catch(fail));
  $("threshold").addEventListener("input", showThreshold);
  showThreshold();
  ready();
}

const isSound = () => model.told.kind === "sound_labels";
const threshold = () => Number($("threshold").value);

function describe(told) {
  $("name").textContent = document.title = told.name;
  $("about").textContent = `${told.scenario}, made ${new Date(told.created_at).toLocaleString()}`;
  $("limit").hidden = told.kind !== "picture_boxes";
  $("live").textContent = told.kind === "sound_labels" ? "Microphone" : "Camera";
  $("file").accept = told.kind === "sound_labels" ? "audio/*" : "image/*";
  for (const [name, value] of Object.entries(told.metrics)) {
    const row = $("metrics").insertRow();
    row.insertCell().textContent = name.replaceAll("_", " ");
    row.insertCell().textContent = value.toPrecision(4);
  }
}

function ready() {
  document.body.dataset.state = "ready";
  say(isKept ? "Ready. This page now works without a network." : "Ready.");
}

function say(text, isError = false) {
  $("status").textContent = text;
  $("status").classList.toggle("error", isError);
}

function fail(error) {
  stop();
  $("view").hidden = true;
  $("answers").replaceChildren();  // they were of something else
  document.body.dataset.state = "failed";
  const isRefused = error.name === "NotAllowedError" || error.name === "NotFoundError";
  say(isRefused ? "There is no camera or microphone that this page may use. Allow it in the browser's settings, or choose a file." : error.message, true);
}

function showThreshold() {
  $("limit").querySelector("output").textContent = `${Math.round(100 * threshold())} %`;
}

// ---- live ----------------------------------------------------------------------------------------------------------
async function toggle() {
  if (stream) return stop();
  const wanted = isSound() ? { audio: true } : { video: { facingMode: facing, width: { ideal: 1280 } } };
  if (!navigator.mediaDevices) throw Object.assign(new Error(), { name: "NotFoundError" });
  stream = await navigator.mediaDevices.getUserMedia(wanted);
  document.body.dataset.state = "live";
  $("live").textContent = "Stop";
  await (isSound() ? listen(stream) : watch(stream));
}

async function turn() {
  facing = facing === "environment" ? "user" : "environment";
  stop();
  await toggle();
}

function stop() {
  stream?.getTracks().forEach(track => track.stop());
  stream = undefined;
  if (model) $("live").textContent = isSound() ? "Microphone" : "Camera";
  $("turn").hidden = true;
  if (frame) draw(frame);  // what the answers are of
  frame = undefined;
  if (document.body.dataset.state === "live") ready();
}

async function watch(current) {
  video.srcObject = current;
  await video.play();
  $("turn").hidden = false;
  showView(video);
  while (stream === current) {
    const started = performance.now();
    const { videoWidth: width, videoHeight: height } = video;
    const picture = pixelsOf(video, width, height);
    const found = await model.answer(picture, threshold());
    if (stream !== current) return;
    frame = picture;
    show(found, width, height);
    say(`Live: ${Math.round(performance.now() - started)} ms a picture`);
    await new Promise(requestAnimationFrame);
  }
}

async function listen(current) {
  while (stream === current) {
    say(`Listening for ${RECORDED_SECONDS} seconds …`);
    const sound = await record(current, RECORDED_SECONDS);
    if (stream !== current) return;
    show(await model.answer(await samplesOfFile(sound)), 0, 0);
  }
}

// ---- one file ------------------------------------------------------------------------------------------------------
async function openFile() {
  const [file] = $("file").files;
  $("file").value = "";
  if (!file) return;
  stop();
  say("Looking …");
  if (isSound()) {
    show(await model.answer(await samplesOfFile(file)), 0, 0);
  } else {
    const picture = await pixelsOfFile(file);
    draw(picture);
    show(await model.answer(picture, threshold()), picture.width, picture.height);
  }
  ready();
  say(file.name);
}

function draw({ width, height, data }) {
  const canvas = $("picture"), pen = canvas.getContext("2d");
  canvas.width = width;
  canvas.height = height;
  const shown = pen.createImageData(width, height);
  for (let from = 0, to = 0; from < data.length; to++) shown.data[to] = to % 4 === 3 ? 255 : data[from++];
  shown.data[shown.data.length - 1] = 255;
  pen.putImageData(shown, 0, 0);
  showView(canvas);
}

function showView(element) {
  $("view").hidden = false;
  for (const one of [video, $("picture")]) one.hidden = one !== element;
}

// ---- answers -------------------------------------------------------------------------------------------------------
function show(found, width, height) {
  $("answers").replaceChildren(...found.slice(0, model.told.kind === "picture_boxes" ? 20 : SHOWN).map(row));
  outline(found.filter(one => one.box).reverse(), width, height);  // the surest on top
  if (!found.length) $("answers").append(Object.assign(document.createElement("li"), { textContent: "Nothing found. Lower the confidence?" }));
}

// As sharp as the screen: a small picture is enlarged, and names on it should stay readable.
function outline(found, width, height) {
  const canvas = $("boxes"), pen = canvas.getContext("2d"), shownWidth = $("view").clientWidth || width;
  const scale = Math.max(1, (shownWidth * devicePixelRatio) / Math.max(1, width));
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const unit = canvas.width / shownWidth, plate = 18 * unit;  // canvas pixels in one of the page's
  pen.lineWidth = 2 * unit;
  pen.font = `${13 * unit}px system-ui`;
  pen.textBaseline = "middle";
  for (const { label, confidence, box } of found) {
    const [left, top, right, bottom] = box.map((value, k) => value * (k % 2 ? canvas.height : canvas.width));
    const text = `${label} ${percent(confidence)}`, above = Math.max(0, top - plate);
    pen.strokeStyle = pen.fillStyle = COLOURS[model.told.labels.indexOf(label) % COLOURS.length];
    pen.strokeRect(left, top, right - left, bottom - top);
    pen.fillRect(left - unit, above, pen.measureText(text).width + 8 * unit, plate);
    pen.fillStyle = "white";
    pen.fillText(text, left + 3 * unit, above + plate / 2);
  }
}

function row({ label, confidence, box }) {
  const item = document.createElement("li");
  const [name, value] = [label, percent(confidence)].map(text => Object.assign(document.createElement("span"), { textContent: text }));
  item.style.setProperty("--share", `${100 * confidence}%`);
  Object.assign(item.dataset, { label, confidence, ...(box ? { box: JSON.stringify(box) } : {}) });
  item.append(name, value);
  return item;
}

const percent = confidence => `${(100 * confidence).toFixed(1)} %`;
