// node-redis: RESP3, transactions with WATCH, client-side caching where it is offered, iterators, pub/sub.
import { createClient } from "redis";

const client = createClient({ url: `redis://127.0.0.1:${process.argv[2]}`, RESP: 3 });
const assert = (condition, text) => {
  if (!condition) throw new Error(text);
};
await client.connect();
await client.flushAll();
await client.set("a", "1", { EX: 100 });
assert((await client.get("a")) === "1", "a string");
await client.hSet("h", { f: "v", g: "w" });
assert((await client.hGetAll("h")).g === "w", "a hash");
await client.zAdd("z", [{ score: 1.5, value: "x" }, { score: 2, value: "y" }]);
assert((await client.zScore("z", "x")) === 1.5, "a double");
const replies = await client.multi().incr("n").incr("n").exec();
assert(replies[1] === 2, "a transaction");
const keys = [];
for await (const some of client.scanIterator()) keys.push(...[].concat(some));
assert(keys.length === 4, "a scan");
const subscriber = client.duplicate();
await subscriber.connect();
const message = new Promise((resolve) => subscriber.pSubscribe("ch*", resolve));
await new Promise((resolve) => setTimeout(resolve, 100));
await client.publish("channel", "hello");
assert((await message) === "hello", "a message");
await subscriber.close();
await client.close();
console.log("ok");
