// The hub on Go and gorilla/websocket, as that package's chat example has it: a goroutine that reads and one that writes
// for each connection, a channel between them, one hub a room. A message's frame is made once (PreparedMessage).
// The protocol is in bench/README.md.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/gorilla/websocket"
)

// What may wait for a receiver, as in the example. Who is further behind holds its room up, so that nothing is lost.
const unsentMax = 256

type client struct {
	socket *websocket.Conn
	unsent chan *websocket.PreparedMessage
}

type room struct {
	lock      sync.Mutex
	receivers map[*client]bool
}

var (
	upgrader = websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024,
		CheckOrigin: func(*http.Request) bool { return true }}
	lock  sync.Mutex
	rooms = map[string]*room{}
)

func roomOf(name string) *room {
	lock.Lock()
	defer lock.Unlock()
	if rooms[name] == nil {
		rooms[name] = &room{receivers: map[*client]bool{}}
	}
	return rooms[name]
}

func (r *room) broadcast(message *websocket.PreparedMessage) {
	r.lock.Lock()
	defer r.lock.Unlock()
	for receiver := range r.receivers {
		receiver.unsent <- message
	}
}

func (r *room) enter(receiver *client) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.receivers[receiver] = true
}

func (r *room) leave(receiver *client) {
	r.lock.Lock()
	defer r.lock.Unlock()
	delete(r.receivers, receiver)
}

// The write pump. After an error it only empties the channel, which nobody may wait for.
func (c *client) write() {
	defer c.socket.Close()
	var failed error
	for message := range c.unsent {
		if failed == nil {
			failed = c.socket.WritePreparedMessage(message)
		}
	}
}

// The read pump: each message to `take`, until the connection ends.
func (c *client) read(take func(kind int, data []byte)) {
	for {
		kind, data, err := c.socket.ReadMessage()
		if err != nil {
			return
		}
		take(kind, data)
	}
}

func upgrade(response http.ResponseWriter, request *http.Request) *client {
	socket, err := upgrader.Upgrade(response, request, nil)
	if err != nil {
		return nil
	}
	return &client{socket, make(chan *websocket.PreparedMessage, unsentMax)}
}

func receive(response http.ResponseWriter, request *http.Request) {
	c := upgrade(response, request)
	if c == nil {
		return
	}
	room := roomOf(request.URL.Query().Get("room"))
	room.enter(c)
	go c.write()
	go func() {
		c.read(func(int, []byte) {})
		room.leave(c)
		close(c.unsent)
	}()
}

func publish(response http.ResponseWriter, request *http.Request) {
	c := upgrade(response, request)
	if c == nil {
		return
	}
	room := roomOf(request.URL.Query().Get("room"))
	go c.write()
	go func() {
		c.read(func(kind int, data []byte) {
			if message, err := websocket.NewPreparedMessage(kind, data); err == nil {
				room.broadcast(message)
				c.unsent <- message
			}
		})
		close(c.unsent)
	}()
}

func echo(response http.ResponseWriter, request *http.Request) {
	c := upgrade(response, request)
	if c == nil {
		return
	}
	go func() {
		defer c.socket.Close()
		c.read(func(kind int, data []byte) { c.socket.WriteMessage(kind, data) })
	}()
}

func main() {
	port := os.Getenv("PORT")
	if len(os.Args) > 1 {
		port = os.Args[1]
	}
	if port == "" {
		port = "0"
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/sub", receive)
	http.HandleFunc("/pub", publish)
	http.HandleFunc("/echo", echo)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		os.Exit(0)
	}()
	fmt.Printf("hub-gorilla: listening on %s\n", listener.Addr())
	log.Fatal(http.Serve(listener, nil))
}
