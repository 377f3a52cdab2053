// redis-rs: one multiplexed connection shared by many tasks, RESP2 and RESP3; pushes, scripts, streams, WATCH, SCAN.
use redis::aio::MultiplexedConnection;
use redis::streams::{StreamPendingReply, StreamReadOptions, StreamReadReply};
use redis::{AsyncCommands, AsyncConnectionConfig, Client, RedisResult, Script, Value};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

async fn connect(client: &Client) -> RedisResult<MultiplexedConnection> {
    // Blocking commands wait for longer than replies normally may.
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(30)));
    client.get_multiplexed_async_connection_with_config(&config).await
}

async fn values(db: &mut MultiplexedConnection) -> RedisResult<()> {
    let binary: Vec<u8> = (0..=255).collect();
    let _: () = db.set_ex("s", &binary, 60).await?;
    assert_eq!(db.get::<_, Vec<u8>>("s").await?, binary);
    let left: i64 = db.ttl("s").await?;
    assert!((50..=60).contains(&left), "a time to live");
    assert_eq!(db.get::<_, Option<String>>("missing").await?, None);
    let _: () = db.hset_multiple("h", &[("name", "x"), ("size", "3")]).await?;
    let hash: HashMap<String, String> = db.hgetall("h").await?;
    assert_eq!(hash["size"], "3");
    let _: () = db.zadd_multiple("z", &[(1.25, "a"), (-1.0, "b")]).await?;
    let ranked: Vec<(String, f64)> = db.zrange_withscores("z", 0, -1).await?;
    assert_eq!(ranked, [("b".to_string(), -1.0), ("a".to_string(), 1.25)]);
    let _: () = db.sadd("set", &["p", "q"]).await?;
    let members: HashSet<String> = db.smembers("set").await?;
    assert_eq!(members.len(), 2);
    let error = db.lpush::<_, _, i64>("s", "x").await.unwrap_err();
    assert_eq!(error.code(), Some("WRONGTYPE"));
    let _: () = db.pset_ex("brief", "x", 20).await?;
    while db.exists("brief").await? {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

async fn many_tasks(db: &MultiplexedConnection) -> RedisResult<()> {
    let tasks: Vec<_> = (0..50)
        .map(|task| {
            let mut db = db.clone();
            tokio::spawn(async move {
                for i in 0..20 {
                    let key = format!("task:{task}:{i}");
                    let _: () = db.set(&key, task * i).await.unwrap();
                    assert_eq!(db.get::<_, i64>(&key).await.unwrap(), task * i);
                    let _: () = db.incr("total", 1).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let mut db = db.clone();
    assert_eq!(db.get::<_, i64>("total").await?, 1000);
    let mut found = HashSet::new();
    let mut names = db.scan_match::<_, String>("task:*").await?;
    while let Some(name) = names.next_item().await {
        found.insert(name?);
    }
    assert_eq!(found.len(), 1000, "a scan");
    Ok(())
}

async fn transactions(client: &Client, db: &mut MultiplexedConnection) -> RedisResult<()> {
    let mut pipe = redis::pipe();
    for i in 0..1000 {
        pipe.set(format!("key:{i}"), i).ignore();
    }
    let (last,): (i64,) = pipe.get("key:999").query_async(db).await?;
    assert_eq!(last, 999, "a pipeline");
    let mut own = connect(client).await?;
    for is_disturbed in [true, false] {
        let _: () = redis::cmd("WATCH").arg("watched").query_async(&mut own).await?;
        if is_disturbed {
            let _: () = db.set("watched", "by another").await?;
        }
        let reply: Option<(i64, String)> =
            redis::pipe().atomic().incr("n", 1).set("watched", "mine").ignore().get("watched").query_async(&mut own).await?;
        assert_eq!(reply, if is_disturbed { None } else { Some((1, "mine".to_string())) });
    }
    Ok(())
}

async fn scripts(db: &mut MultiplexedConnection) -> RedisResult<()> {
    let script = Script::new("return {redis.call('incrby', KEYS[1], ARGV[1]), ARGV[2]}");
    for round in 1..=3 {
        if round == 2 {
            let _: () = redis::cmd("SCRIPT").arg("FLUSH").query_async(db).await?;
        }
        let reply: (i64, String) = script.key("sum").arg(5).arg("text").invoke_async(db).await?;
        assert_eq!(reply, (5 * round, "text".to_string()));
    }
    Ok(())
}

async fn streams(db: &mut MultiplexedConnection) -> RedisResult<()> {
    let _: () = db.xgroup_create_mkstream("stream", "group", "$").await?;
    for i in 0..10 {
        let _: String = db.xadd("stream", "*", &[("n", i)]).await?;
    }
    let options = StreamReadOptions::default().group("group", "one").count(6);
    let read: StreamReadReply = db.xread_options(&["stream"], &[">"], &options).await?;
    let ids: Vec<&str> = read.keys[0].ids.iter().map(|entry| entry.id.as_str()).collect();
    assert_eq!(ids.len(), 6);
    assert_eq!(db.xack::<_, _, _, i64>("stream", "group", &ids[..4]).await?, 4);
    let pending: StreamPendingReply = db.xpending("stream", "group").await?;
    assert_eq!(pending.count(), 2);
    Ok(())
}

async fn waiting(client: &Client, db: &mut MultiplexedConnection) -> RedisResult<()> {
    let mut own = connect(client).await?;
    let popped = tokio::spawn(async move { own.blpop::<_, (String, String)>(&["empty", "list"], 10.0).await });
    loop {
        let clients: String = redis::cmd("CLIENT").arg("LIST").query_async(db).await?;
        if clients.contains("cmd=blpop") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let _: () = db.rpush("list", "x").await?;
    assert_eq!(popped.await.unwrap()?, ("list".to_string(), "x".to_string()));
    let mut own = connect(client).await?;
    assert_eq!(own.blpop::<_, Option<(String, String)>>("empty", 0.05).await?, None);
    Ok(())
}

// With RESP3 a connection that is subscribed goes on answering commands.
async fn messages(client: &Client, db: &mut MultiplexedConnection) -> RedisResult<()> {
    let (sender, mut pushes) = tokio::sync::mpsc::unbounded_channel();
    let config = AsyncConnectionConfig::new().set_push_sender(sender);
    let mut own = client.get_multiplexed_async_connection_with_config(&config).await?;
    own.subscribe("news").await?;
    assert_eq!(own.get::<_, i64>("n").await?, 1);
    assert_eq!(db.publish::<_, _, i64>("news", "hello").await?, 1);
    loop {
        let push = pushes.recv().await.expect("the connection ended");
        if push.kind == redis::PushKind::Message {
            let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
            assert_eq!(push.data, [text("news"), text("hello")]);
            break;
        }
    }
    // Client-side caching: a key that was read is reported when somebody changes it.
    let _: () = redis::cmd("CLIENT").arg("TRACKING").arg("ON").query_async(&mut own).await?;
    let _: i64 = own.get("n").await?;
    let _: () = db.incr("n", 1).await?;
    while pushes.recv().await.expect("the connection ended").kind != redis::PushKind::Invalidate {}
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> RedisResult<()> {
    let port = std::env::args().nth(1).expect("a port");
    for protocol in ["resp2", "resp3"] {
        let client = Client::open(format!("redis://127.0.0.1:{port}/?protocol={protocol}"))?;
        let mut db = connect(&client).await?;
        let _: () = redis::cmd("FLUSHALL").query_async(&mut db).await?;
        values(&mut db).await?;
        many_tasks(&db).await?;
        transactions(&client, &mut db).await?;
        scripts(&mut db).await?;
        streams(&mut db).await?;
        waiting(&client, &mut db).await?;
        if protocol == "resp3" {
            messages(&client, &mut db).await?;
        }
    }
    println!("ok");
    Ok(())
}
