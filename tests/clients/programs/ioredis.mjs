// ioredis: pipelines, transactions, scripts, streams of SCAN, blocking reads, pub/sub.
import Redis from "ioredis";

const port = Number(process.argv[2]);
const redis = new Redis(port);
const assert = (condition, text) => {
  if (!condition) throw new Error(text);
};
await redis.flushall();
const replies = await redis.pipeline().set("a", 1).incr("a").get("a").exec();
assert(replies[2][1] === "2", "a pipeline");
const results = await redis.multi().hset("h", { f: "v", g: "w" }).hgetall("h").exec();
assert(results[1][1].g === "w", "a transaction");
redis.defineCommand("addTo", { numberOfKeys: 1, lua: "return redis.call('incrby', KEYS[1], ARGV[1])" });
assert((await redis.addTo("n", 5)) === 5, "a script");
for (let i = 0; i < 100; i++) await redis.set(`key:${i}`, i);
let found = 0;
for await (const keys of redis.scanStream({ match: "key:*", count: 10 })) found += keys.length;
assert(found === 100, "a scan");
const blocked = new Redis(port);
const popped = blocked.blpop("list", 5);
await redis.rpush("list", "x");
assert((await popped)[1] === "x", "a blocking read");
const subscriber = new Redis(port);
await subscriber.subscribe("channel");
const message = new Promise((resolve) => subscriber.on("message", (channel, text) => resolve(text)));
await redis.publish("channel", "hello");
assert((await message) === "hello", "a message");
await redis.xadd("stream", "*", "f", "v");
assert((await redis.xrange("stream", "-", "+")).length === 1, "a stream");
for (const client of [redis, blocked, subscriber]) client.disconnect();
console.log("ok");
