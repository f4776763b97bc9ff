// Publishes a kick-off and a goal with Go's standard library: go run examples/publish.go
// SCORELINE_URL and SCORELINE_KEY say where, and as whom.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"math/rand"
	"net/http"
	"os"
	"strconv"
	"time"
)

type object = map[string]interface{}

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

var client = http.Client{Timeout: 10 * time.Second}

// attempt posts once: the result, or how long to wait, or an error that trying again does not mend.
func attempt(body []byte) (result object, wait time.Duration, err error) {
	request, err := http.NewRequest("POST", env("SCORELINE_URL", "http://127.0.0.1:8080")+"/v1/updates", bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	request.Header.Set("Authorization", "Bearer "+env("SCORELINE_KEY", "demo"))
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return nil, 0, nil // no answer means unknown: the same id again
	}
	defer response.Body.Close()
	var answer object
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, 0, nil
	}
	switch response.StatusCode {
	case 200:
		return answer, 0, nil
	case 408, 429, 500, 502, 503, 504:
		seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
		return nil, time.Duration(seconds) * time.Second, nil
	}
	return nil, 0, fmt.Errorf("%d %v: %v %v", response.StatusCode, answer["code"], answer["detail"], answer["pointer"])
}

// publish posts one report and returns its result; it tries again where that helps, which its id makes safe.
func publish(report object) (object, error) {
	body, err := json.Marshal(report)
	if err != nil {
		return nil, err
	}
	most := 500 * time.Millisecond
	for try := 0; try < 6; try++ {
		result, wait, err := attempt(body)
		if result != nil || err != nil {
			return result, err
		}
		time.Sleep(wait + time.Duration(rand.Int63n(int64(most))))
		most *= 2
	}
	return nil, fmt.Errorf("the service cannot be reached")
}

func main() {
	game := "soccer/example/go"
	if len(os.Args) > 1 {
		game = os.Args[1]
	}
	run := time.Now().UnixNano() // ids are this run's own
	side := func(name string) object { return object{"name": name, "score": object{"total": 0}} }
	for _, report := range []object{
		{"game": game, "id": fmt.Sprint(run, "-kick-off"), "patch": object{
			"status":      "live",
			"clock":       object{"mode": "up", "running": true, "ms": 0},
			"competitors": object{"home": side("Arsenal"), "away": side("Chelsea")},
		}},
		{"game": game, "id": fmt.Sprint(run, "-goal-1"), "event_at": time.Now().UnixMilli(), "patch": object{
			"competitors": object{"home": object{"score": object{"total": 1}}},
			"incidents": object{"goal-1": object{
				"type": "goal", "status": "confirmed", "side": "home", "athlete": "Saka", "minute": 12, "order": 1,
			}},
		}},
	} {
		result, err := publish(report)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(result)
	}
}
