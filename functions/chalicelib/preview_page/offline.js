// Lets the service worker see every file once.
const SHELL = ["page.js", "page.css", "model.js", "pictures.js", "resample.js", "boxes.js", "sounds.js", "offline.js"];

// Resolves once the worker answers for this page; also where there is none (a browser without, or no https).
export async function startKeeping() {
  if (!navigator.serviceWorker) return false;
  try {
    await navigator.serviceWorker.register("service_worker.js", { scope: location.pathname });
    await navigator.serviceWorker.ready;
    if (!navigator.serviceWorker.controller) {
      await new Promise(resolve => navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true }));
    }
    await Promise.all([location.href, ...SHELL].map(name => fetch(name)));
    return true;
  } catch {
    return false; // the page works all the same, with a network
  }
}
