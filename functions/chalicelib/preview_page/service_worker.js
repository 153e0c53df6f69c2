// Keeps what the page has loaded, so that it works without a network. Each link has its own scope and its own cache.
const CACHE = `droplearn ${self.registration.scope}`;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", event => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", event => {
  const url = event.request.url.split("#")[0];
  if (event.request.method === "GET" && url.startsWith(self.registration.scope)) event.respondWith(kept(event.request, url));
});

async function kept(request, url) {
  const cache = await caches.open(CACHE);
  const known = await cache.match(url, { ignoreVary: true });
  if (known) return known;
  const reply = await fetch(request);
  if (reply.ok) await cache.put(url, reply.clone());
  return reply;
}
