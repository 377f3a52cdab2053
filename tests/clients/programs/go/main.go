// go-redis: strings, hashes, pipelines, WATCH under contention, scripts, streams, pub/sub, blocking reads, expiry, SCAN.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const workers = 4
const rounds = 25

func check(condition bool, text string) {
	if !condition {
		fmt.Fprintln(os.Stderr, "failed: "+text)
		os.Exit(1)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, "failed:", err)
		os.Exit(1)
	}
	return value
}

func main() {
	for _, protocol := range []int{2, 3} {
		ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
		client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + os.Args[1], Protocol: protocol, ClientName: "go"})
		must(client.FlushAll(ctx).Result())
		values(ctx, client)
		pipelines(ctx, client)
		transactions(ctx, client)
		scripts(ctx, client)
		streams(ctx, client)
		messages(ctx, client)
		waiting(ctx, client)
		check(client.Close() == nil, "close")
		cancel()
	}
	fmt.Println("ok")
}

func values(ctx context.Context, client *redis.Client) {
	must(client.Set(ctx, "s", "v\x00\r\n", time.Minute).Result())
	check(must(client.Get(ctx, "s").Result()) == "v\x00\r\n", "a binary value")
	left := must(client.TTL(ctx, "s").Result())
	check(left > 50*time.Second && left <= time.Minute, "a time to live")
	_, err := client.Get(ctx, "missing").Result()
	check(errors.Is(err, redis.Nil), "a missing key")
	check(!must(client.SetNX(ctx, "s", "w", 0).Result()), "SET NX")
	must(client.HSet(ctx, "h", "name", "x", "size", 3, "weight", 1.5).Result())
	var found struct {
		Name   string  `redis:"name"`
		Size   int     `redis:"size"`
		Weight float64 `redis:"weight"`
	}
	check(client.HGetAll(ctx, "h").Scan(&found) == nil && found.Size == 3 && found.Weight == 1.5, "a hash")
	must(client.ZAdd(ctx, "z", redis.Z{Score: 1.25, Member: "a"}, redis.Z{Score: -1, Member: "b"}).Result())
	ranked := must(client.ZRangeWithScores(ctx, "z", 0, -1).Result())
	check(len(ranked) == 2 && ranked[0].Member == "b" && ranked[1].Score == 1.25, "a sorted set")
	check(must(client.ZScore(ctx, "z", "a").Result()) == 1.25, "a score")
	err = client.LPush(ctx, "s", "x").Err()
	check(err != nil && strings.HasPrefix(err.Error(), "WRONGTYPE "), "an error")
	must(client.Set(ctx, "brief", "x", 20*time.Millisecond).Result())
	for must(client.Exists(ctx, "brief").Result()) == 1 {
		time.Sleep(5 * time.Millisecond)
	}
}

func pipelines(ctx context.Context, client *redis.Client) {
	replies := must(client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i := 0; i < 1000; i++ {
			pipe.Set(ctx, fmt.Sprintf("key:%d", i), strings.Repeat("x", i), 0)
		}
		return nil
	}))
	check(len(replies) == 1000, "a pipeline")
	names := map[string]bool{}
	scan := client.Scan(ctx, 0, "key:*", 50).Iterator()
	for scan.Next(ctx) {
		names[scan.Val()] = true
	}
	check(scan.Err() == nil && len(names) == 1000, "a scan")
	got := must(client.MGet(ctx, "key:3", "missing", "key:999").Result())
	check(got[0] == "xxx" && got[1] == nil && len(got[2].(string)) == 999, "MGET")
}

func transactions(ctx context.Context, client *redis.Client) {
	must(client.Set(ctx, "counter", 0, 0).Result())
	var group sync.WaitGroup
	for i := 0; i < workers; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for done := 0; done < rounds; {
				err := client.Watch(ctx, func(tx *redis.Tx) error {
					value, err := tx.Get(ctx, "counter").Int()
					if err != nil {
						return err
					}
					_, err = tx.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
						pipe.Set(ctx, "counter", value+1, 0)
						return nil
					})
					return err
				}, "counter")
				if err == nil {
					done++
				} else {
					check(errors.Is(err, redis.TxFailedErr), "a transaction")
				}
			}
		}()
	}
	group.Wait()
	check(must(client.Get(ctx, "counter").Int()) == workers*rounds, "WATCH under contention")
}

func scripts(ctx context.Context, client *redis.Client) {
	add := redis.NewScript("return {redis.call('incrby', KEYS[1], ARGV[1]), ARGV[2]}")
	for i := 1; i <= 3; i++ {
		if i == 2 {
			must(client.ScriptFlush(ctx).Result())
		}
		reply := must(add.Run(ctx, client, []string{"sum"}, 5, "text").Slice())
		check(reply[0] == int64(5*i) && reply[1] == "text", "a script")
	}
	check(must(client.ScriptExists(ctx, add.Hash()).Result())[0], "a script that is known again")
}

func streams(ctx context.Context, client *redis.Client) {
	must(client.XGroupCreateMkStream(ctx, "stream", "group", "$").Result())
	for i := 0; i < 10; i++ {
		must(client.XAdd(ctx, &redis.XAddArgs{Stream: "stream", Values: map[string]any{"n": i}}).Result())
	}
	read := must(client.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: "group", Consumer: "one", Streams: []string{"stream", ">"}, Count: 6,
	}).Result())
	check(len(read) == 1 && len(read[0].Messages) == 6, "a group's messages")
	for _, message := range read[0].Messages[:4] {
		check(must(client.XAck(ctx, "stream", "group", message.ID).Result()) == 1, "XACK")
	}
	pending := must(client.XPending(ctx, "stream", "group").Result())
	check(pending.Count == 2 && pending.Consumers["one"] == 2, "XPENDING")
	claimed, _, err := client.XAutoClaim(ctx, &redis.XAutoClaimArgs{
		Stream: "stream", Group: "group", Consumer: "two", Start: "0", Count: 10,
	}).Result()
	check(err == nil && len(claimed) == 2 && claimed[0].Values["n"] == "4", "XAUTOCLAIM")
	groups := must(client.XInfoGroups(ctx, "stream").Result())
	check(len(groups) == 1 && groups[0].Pending == 2 && groups[0].Lag == 4, "XINFO GROUPS")
}

func messages(ctx context.Context, client *redis.Client) {
	subscriber := client.Subscribe(ctx, "news")
	must(subscriber.Receive(ctx))
	check(subscriber.PSubscribe(ctx, "n?ws") == nil, "PSUBSCRIBE")
	must(subscriber.Receive(ctx))
	check(must(client.Publish(ctx, "news", "hello").Result()) == 2, "PUBLISH")
	patterns := []string{}
	for len(patterns) < 2 {
		message := must(subscriber.ReceiveMessage(ctx))
		check(message.Payload == "hello", "a message")
		patterns = append(patterns, message.Pattern)
	}
	sort.Strings(patterns)
	check(patterns[0] == "" && patterns[1] == "n?ws", "one of each kind")
	check(subscriber.Close() == nil, "the subscriber closes")
}

func waiting(ctx context.Context, client *redis.Client) {
	popped := make(chan []string)
	go func() { popped <- must(client.BLPop(ctx, 10*time.Second, "empty", "list").Result()) }()
	for !strings.Contains(must(client.ClientList(ctx).Result()), "cmd=blpop") {
		time.Sleep(time.Millisecond)
	}
	must(client.RPush(ctx, "list", "x").Result())
	reply := <-popped
	check(reply[0] == "list" && reply[1] == "x", "a blocking read")
	began := time.Now()
	_, err := client.BLPop(ctx, time.Second, "empty").Result()
	check(errors.Is(err, redis.Nil) && time.Since(began) > 900*time.Millisecond, "its end")
}
