// BullMQ: jobs, delayed and repeated ones, retries, and a flow.
import { Queue, Worker, FlowProducer, QueueEvents } from "bullmq";

const connection = { host: "127.0.0.1", port: Number(process.argv[2]) };
const queue = new Queue("work", { connection });
const events = new QueueEvents("work", { connection });
let failures = 0;
let repeats = 0;
const worker = new Worker(
  "work",
  async (job) => {
    if (job.name === "flaky" && failures++ < 1) throw new Error("once");
    if (job.name === "repeated") repeats += 1;
    if (job.name === "parent") {
      const children = Object.values(await job.getChildrenValues());
      return children.reduce((sum, value) => sum + value, 0);
    }
    return (job.data.x ?? 0) * 2;
  },
  { connection, concurrency: 5 },
);
await events.waitUntilReady();
const assert = (condition, text) => {
  if (!condition) throw new Error(text);
};
const job = await queue.add("double", { x: 21 });
assert((await job.waitUntilFinished(events, 20000)) === 42, "a result");
const began = Date.now();
const delayed = await queue.add("double", { x: 1 }, { delay: 500 });
assert((await delayed.waitUntilFinished(events, 20000)) === 2, "a delayed result");
assert(Date.now() - began >= 450, "a delay");
const flaky = await queue.add("flaky", { x: 2 }, { attempts: 3, backoff: 50 });
assert((await flaky.waitUntilFinished(events, 20000)) === 4, "a retried result");
await queue.upsertJobScheduler("every", { every: 100 }, { name: "repeated", data: {} });
while (repeats < 3) await new Promise((resolve) => setTimeout(resolve, 50));
await queue.removeJobScheduler("every");
const flow = new FlowProducer({ connection });
const tree = await flow.add({
  name: "parent",
  queueName: "work",
  children: [1, 2, 3].map((x) => ({ name: "child", queueName: "work", data: { x } })),
});
assert((await tree.job.waitUntilFinished(events, 20000)) === 12, "a flow");
const counts = await queue.getJobCounts();
assert(counts.failed === 0, "no failures");
await worker.close();
await events.close();
await flow.close();
await queue.close();
console.log("ok");
