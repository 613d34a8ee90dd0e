package mongostore_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/hardtack-go/hardtack/store/mongostore"
)

// fake speaks as much of MongoDB's protocol as it takes to look at the commands of the driver, and to give the answers
// that a replica set gives, which none of the servers that tests can start does. The store's behaviour with data is tested
// in ferrettest.
type fake struct {
	addr       string
	standalone bool // else the primary of a replica set

	mu       sync.Mutex
	commands []command
	answers  map[string][]any // by the command's name: bson.D, or one of the signs below; ok when there is none left
	replayed map[int64]bson.D // what each retryable write was answered with
}

type command struct {
	name string
	bson.Raw
}

type sign int

const (
	lost  sign = iota // done, but the connection breaks before the answer
	never             // no answer at all
)

func startFake(t *testing.T, answers map[string][]any) *fake {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	if answers == nil {
		answers = make(map[string][]any)
	}
	f := &fake{addr: l.Addr().String(), answers: answers, replayed: make(map[int64]bson.D)}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			wg.Go(func() { f.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return f
}

// client connects with the stable API, in which the first hello is a command like any other.
func (f *fake) client(t *testing.T, set func(*options.ClientOptions)) *mongo.Client {
	t.Helper()
	o := options.Client().ApplyURI("mongodb://" + f.addr).SetServerAPIOptions(options.ServerAPI(options.ServerAPIVersion1).SetStrict(true))
	if !f.standalone {
		o.SetReplicaSet("rs")
	}
	if set != nil {
		set(o)
	}
	c, err := mongo.Connect(o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Disconnect(context.Background()) })
	return c
}

func (f *fake) store(t *testing.T, set func(*options.ClientOptions), o mongostore.Options) *mongostore.Store {
	t.Helper()
	s, err := mongostore.New(t.Context(), f.client(t, set).Database("db"), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// got returns the commands of one name.
func (f *fake) got(name string) (some []command) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.commands {
		if c.name == name {
			some = append(some, c)
		}
	}
	return some
}

func (f *fake) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	for {
		// The header: the message's length, its ID, the ID of what it answers, and the opcode.
		header := make([]byte, 16)
		if _, err := io.ReadFull(conn, header); err != nil {
			return
		}
		const opMsg = 2013
		if binary.LittleEndian.Uint32(header[12:]) != opMsg {
			return
		}
		body := make([]byte, binary.LittleEndian.Uint32(header)-16)
		if _, err := io.ReadFull(conn, body); err != nil {
			return
		}
		var answer bson.D
		switch a := f.answer(parse(body)).(type) {
		case bson.D:
			answer = a
		case sign:
			if a == lost {
				return
			}
			_, _ = io.Copy(io.Discard, conn)
			return
		}
		doc, err := bson.Marshal(answer)
		if err != nil {
			return
		}
		reply := binary.LittleEndian.AppendUint32(nil, uint32(16+4+1+len(doc)))
		reply = append(reply, 0, 0, 0, 0)
		reply = append(reply, header[4:8]...)
		reply = binary.LittleEndian.AppendUint32(reply, opMsg)
		reply = append(reply, 0, 0, 0, 0, 0) // no flags; a section of kind 0 follows
		if _, err := conn.Write(append(reply, doc...)); err != nil {
			return
		}
	}
}

// parse returns the command of an OP_MSG, without the documents that it carries beside it.
func parse(body []byte) command {
	for sections := body[4:]; len(sections) > 4; {
		size := binary.LittleEndian.Uint32(sections[1:])
		section := bson.Raw(sections[1 : 1+size])
		if sections[0] == 0 {
			elements, err := section.Elements()
			if err != nil || len(elements) == 0 {
				break
			}
			return command{elements[0].Key(), section}
		}
		sections = sections[1+size:]
	}
	return command{}
}

func (f *fake) answer(c command) any {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commands = append(f.commands, c)
	txn, retryable := c.Lookup("txnNumber").Int64OK()
	if a := f.replayed[txn]; retryable && a != nil {
		return a // as a server does with a write that it has done
	}
	var answer any = okTo(c, f)
	if queue := f.answers[c.name]; len(queue) > 0 {
		f.answers[c.name] = queue[1:]
		if queue[0] == lost && retryable {
			f.replayed[txn] = answer.(bson.D)
		}
		answer = queue[0]
	}
	return answer
}

func okTo(c command, f *fake) bson.D {
	ok := bson.E{Key: "ok", Value: 1}
	switch c.name {
	case "hello":
		hello := bson.D{
			ok, {Key: "isWritablePrimary", Value: true},
			{Key: "minWireVersion", Value: 0}, {Key: "maxWireVersion", Value: 21},
			{Key: "maxBsonObjectSize", Value: 16 << 20}, {Key: "maxMessageSizeBytes", Value: 48000000}, {Key: "maxWriteBatchSize", Value: 100000},
			{Key: "logicalSessionTimeoutMinutes", Value: 30}, {Key: "readOnly", Value: false},
		}
		if !f.standalone {
			hello = append(hello,
				bson.E{Key: "setName", Value: "rs"}, bson.E{Key: "setVersion", Value: 1}, bson.E{Key: "electionId", Value: bson.NewObjectID()},
				bson.E{Key: "hosts", Value: bson.A{f.addr}}, bson.E{Key: "me", Value: f.addr}, bson.E{Key: "primary", Value: f.addr})
		}
		return hello
	case "update":
		return bson.D{ok, {Key: "n", Value: 1}, {Key: "nModified", Value: 1}}
	case "find":
		return bson.D{ok, {Key: "cursor", Value: bson.D{{Key: "id", Value: int64(0)}, {Key: "ns", Value: "db.c"}, {Key: "firstBatch", Value: bson.A{}}}}}
	default:
		return bson.D{ok, {Key: "n", Value: 1}}
	}
}

// duplicate is how MongoDB refuses a second document of one _id: it quotes it.
func duplicate() bson.D {
	return bson.D{{Key: "ok", Value: 1}, {Key: "n", Value: 0}, {Key: "writeErrors", Value: bson.A{bson.D{
		{Key: "index", Value: 0}, {Key: "code", Value: 11000},
		{Key: "errmsg", Value: `E11000 duplicate key error collection: db.hardtack_records index: _id_ dup key: { _id: "` + id + `" }`},
		{Key: "keyPattern", Value: bson.D{{Key: "_id", Value: 1}}}, {Key: "keyValue", Value: bson.D{{Key: "_id", Value: id}}},
	}}}}
}

// failed is how MongoDB refuses a command.
func failed(code int, name string) bson.D {
	return bson.D{
		{Key: "ok", Value: 0}, {Key: "code", Value: code}, {Key: "codeName", Value: name},
		{Key: "errmsg", Value: `failed on { _id: "` + id + `", d: "` + secret + `" }`},
	}
}
