import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import redis.clients.jedis.AbstractTransaction;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.JedisPooled;
import redis.clients.jedis.JedisPubSub;
import redis.clients.jedis.Pipeline;
import redis.clients.jedis.RedisProtocol;
import redis.clients.jedis.Response;
import redis.clients.jedis.StreamEntryID;
import redis.clients.jedis.Transaction;
import redis.clients.jedis.exceptions.JedisDataException;
import redis.clients.jedis.exceptions.JedisNoScriptException;
import redis.clients.jedis.params.ScanParams;
import redis.clients.jedis.params.SetParams;
import redis.clients.jedis.params.XAddParams;
import redis.clients.jedis.params.XReadGroupParams;

/** Jedis: strings, hashes, pipelines, WATCH under contention, scripts, streams, pub/sub, blocking reads, expiry, SCAN. */
public class Program {
    static final int WORKERS = 4;
    static final int ROUNDS = 25;
    static HostAndPort server;
    static DefaultJedisClientConfig config;

    static void check(boolean condition, String text) {
        if (!condition) {
            throw new AssertionError(text);
        }
    }

    public static void main(String[] arguments) throws Exception {
        server = new HostAndPort("127.0.0.1", Integer.parseInt(arguments[0]));
        for (RedisProtocol protocol : RedisProtocol.values()) {
            config = DefaultJedisClientConfig.builder().protocol(protocol).clientName("java").build();
            try (JedisPooled redis = new JedisPooled(server, config)) {
                redis.flushAll();
                values(redis);
                pipelines(redis);
                transactions(redis);
                scripts(redis);
                streams(redis);
                messages(redis);
                waiting(redis);
            }
        }
        System.out.println("ok");
    }

    static void values(JedisPooled redis) throws InterruptedException {
        byte[] binary = {0, 13, 10, -1};
        redis.set("s".getBytes(), binary);
        check(java.util.Arrays.equals(redis.get("s".getBytes()), binary), "a binary value");
        redis.expire("s", 60);
        check(redis.ttl("s") > 50, "a time to live");
        check(redis.get("missing") == null, "a missing key");
        check(redis.set("s", "x", SetParams.setParams().nx()) == null, "SET NX");
        redis.hset("h", Map.of("name", "x", "size", "3"));
        check(redis.hgetAll("h").equals(Map.of("name", "x", "size", "3")), "a hash");
        redis.zadd("z", Map.of("a", 1.25, "b", -1.0));
        check(redis.zrange("z", 0, -1).equals(List.of("b", "a")), "a sorted set");
        check(redis.zscore("z", "a") == 1.25, "a score");
        redis.sadd("set", "p", "q");
        check(redis.smembers("set").equals(Set.of("p", "q")), "a set");
        check(redis.sismember("set", "p"), "a member");
        try {
            redis.lpush("s", "x");
            check(false, "no error");
        } catch (JedisDataException error) {
            check(error.getMessage().startsWith("WRONGTYPE "), "an error");
        }
        redis.psetex("brief", 20, "x");
        while (redis.exists("brief")) {
            Thread.sleep(5);
        }
    }

    static void pipelines(JedisPooled redis) {
        Response<String> last;
        try (Pipeline pipeline = redis.pipelined()) {
            for (int i = 0; i < 1000; i++) {
                pipeline.set("key:" + i, "x".repeat(i));
            }
            last = pipeline.get("key:999");
        }
        check(last.get().length() == 999, "a pipeline");
        Set<String> names = new HashSet<>();
        String cursor = ScanParams.SCAN_POINTER_START;
        do {
            var page = redis.scan(cursor, new ScanParams().match("key:*").count(50));
            names.addAll(page.getResult());
            cursor = page.getCursor();
        } while (!cursor.equals(ScanParams.SCAN_POINTER_START));
        check(names.size() == 1000, "a scan");
    }

    static void increment() {
        try (Jedis own = new Jedis(server, config)) {
            for (int done = 0; done < ROUNDS; ) {
                own.watch("counter");
                int value = Integer.parseInt(own.get("counter"));
                try (Transaction transaction = own.multi()) {
                    transaction.set("counter", String.valueOf(value + 1));
                    if (transaction.exec() != null) {
                        done++;
                    }
                }
            }
        }
    }

    static void transactions(JedisPooled redis) {
        redis.set("counter", "0");
        CompletableFuture<?>[] workers = new CompletableFuture<?>[WORKERS];
        for (int i = 0; i < WORKERS; i++) {
            workers[i] = CompletableFuture.runAsync(Program::increment);
        }
        CompletableFuture.allOf(workers).join();
        check(redis.get("counter").equals(String.valueOf(WORKERS * ROUNDS)), "WATCH under contention");
        try (AbstractTransaction transaction = redis.multi()) {
            Response<Long> size = transaction.rpush("many", "a", "b");
            Response<Map<String, String>> hash = transaction.hgetAll("h");
            check(transaction.exec().size() == 2, "EXEC");
            check(size.get() == 2 && hash.get().get("size").equals("3"), "results of a transaction");
        }
    }

    static void scripts(JedisPooled redis) {
        String text = "return {redis.call('incrby', KEYS[1], ARGV[1]), ARGV[2]}";
        String digest = redis.scriptLoad(text);
        check(redis.evalsha(digest, List.of("sum"), List.of("5", "text")).equals(List.of(5L, "text")), "EVALSHA");
        redis.scriptFlush();
        try {
            redis.evalsha(digest, List.of("sum"), List.of("5", "text"));
            check(false, "the script is gone");
        } catch (JedisNoScriptException expected) {
            redis.eval(text, List.of("sum"), List.of("5", "text"));
        }
        check(redis.evalsha(digest, List.of("sum"), List.of("5", "text")).equals(List.of(15L, "text")), "a reload");
    }

    static void streams(JedisPooled redis) {
        redis.xgroupCreate("stream", "group", new StreamEntryID("0-0"), true);
        for (int i = 0; i < 10; i++) {
            redis.xadd("stream", XAddParams.xAddParams(), Map.of("n", String.valueOf(i)));
        }
        var read = redis.xreadGroup("group", "one", XReadGroupParams.xReadGroupParams().count(6),
                Map.of("stream", StreamEntryID.XREADGROUP_UNDELIVERED_ENTRY));
        var entries = read.get(0).getValue();
        check(entries.size() == 6, "a group's messages");
        for (var entry : entries.subList(0, 4)) {
            check(redis.xack("stream", "group", entry.getID()) == 1, "XACK");
        }
        check(redis.xpending("stream", "group").getTotal() == 2, "XPENDING");
        check(redis.xinfoGroups("stream").get(0).getPending() == 2, "XINFO GROUPS");
        check(redis.xinfoStream("stream").getLength() == 10, "XINFO STREAM");
    }

    static void messages(JedisPooled redis) throws InterruptedException {
        BlockingQueue<String> received = new ArrayBlockingQueue<>(10);
        JedisPubSub subscriber = new JedisPubSub() {
            @Override
            public void onSubscribe(String channel, int subscribed) {
                received.add("subscribed");
            }

            @Override
            public void onMessage(String channel, String message) {
                received.add(message);
                unsubscribe();
            }
        };
        Thread thread = new Thread(() -> redis.subscribe(subscriber, "news"));
        thread.start();
        check("subscribed".equals(received.poll(10, TimeUnit.SECONDS)), "SUBSCRIBE");
        check(redis.publish("news", "hello") == 1, "PUBLISH");
        check("hello".equals(received.poll(10, TimeUnit.SECONDS)), "a message");
        thread.join(10_000);
        check(!thread.isAlive(), "UNSUBSCRIBE");
    }

    static void waiting(JedisPooled redis) throws InterruptedException {
        var popped = CompletableFuture.supplyAsync(() -> redis.blpop(10, "empty", "list"));
        try (Jedis own = new Jedis(server, config)) {
            while (!own.clientList().contains("cmd=blpop")) {
                Thread.sleep(1);
            }
        }
        redis.rpush("list", "x");
        check(popped.join().equals(List.of("list", "x")), "a blocking read");
        check(redis.blpop(0.05, "empty") == null, "its end");
    }
}
