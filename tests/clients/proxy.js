// TLS in front of a server of HTTP: says, as a proxy does, by which name and scheme it was called.
const { readFileSync } = require("node:fs");
const http = require("node:http");
const https = require("node:https");

const [target, key, certificate] = process.argv.slice(2);
const { hostname, port } = new URL(target);
const tls = { key: readFileSync(key), cert: readFileSync(certificate) };

function forward(request, response) {
  const headers = {
    ...request.headers,
    host: `${hostname}:${port}`,
    "x-forwarded-for": request.socket.remoteAddress,
    "x-forwarded-host": request.headers.host,
    "x-forwarded-proto": "https",
  };
  const { method, url } = request;
  const onward = http.request({ hostname, port, method, path: url, headers }, (reply) => {
    response.writeHead(reply.statusCode, reply.headers);
    reply.pipe(response);
  });
  onward.on("error", () => response.destroy());
  request.pipe(onward);
}

https.createServer(tls, forward).listen(Number(process.env.PROXY_PORT), "localhost");
