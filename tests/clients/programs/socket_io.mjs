// The adapter of socket.io: a message that one server emits reaches the clients of another.
import { createServer } from "node:http";
import { Server } from "socket.io";
import { createAdapter } from "@socket.io/redis-adapter";
import { io } from "socket.io-client";
import { createClient } from "redis";

const url = `redis://127.0.0.1:${process.argv[2]}`;
const connections = [];
const start = async () => {
  const publisher = createClient({ url });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  connections.push(publisher, subscriber);
  const http = createServer();
  const server = new Server(http, { adapter: createAdapter(publisher, subscriber) });
  await new Promise((resolve) => http.listen(0, resolve));
  return { server, port: http.address().port };
};
const one = await start();
const other = await start();
const client = io(`http://127.0.0.1:${other.port}`);
await new Promise((resolve) => client.on("connect", resolve));
const heard = new Promise((resolve) => client.on("greeting", resolve));
await new Promise((resolve) => setTimeout(resolve, 200));
one.server.emit("greeting", "hello");
if ((await heard) !== "hello") throw new Error("not heard");
client.close();
one.server.close();
other.server.close();
for (const connection of connections) await connection.quit();
console.log("ok");
