//go:build unix

package ferrettest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The shop of the examples keeps a stored cart when it is killed and starts again.
func TestShop(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "shop")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir = "../../../examples/shop"
	build.Env = append(os.Environ(), "GOWORK=off")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)

	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client := &http.Client{Jar: jar, Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	args := []string{
		"-addr", "127.0.0.1:0", "-insecure", "-keys", filepath.Join(dir, "keys.json"),
		"-store", "mongodb://" + serverAddr + "/" + fresh(t, "shop"),
	}

	url, kill := startShop(t, binary, args)
	ask(t, client, http.MethodPost, url+"/api/items?count=5&note=1000")
	before := ask(t, client, http.MethodPost, url+"/api/login?user=ada")
	require.Equal(t, "store", before.Placement.Where)
	kill()
	url, _ = startShop(t, binary, args)
	after := ask(t, client, http.MethodGet, url+"/api/session")
	assert.Equal(t, before, after)
	assert.Equal(t, "ada", after.User)
	assert.Equal(t, 5, after.Items)
	assert.EqualValues(t, 1, count(t, database(t, serverAddr, "shop").Collection("hardtack_subjects")))
}

// startShop returns the address of a shop, and what ends it at once, by SIGKILL.
func startShop(t *testing.T, binary string, args []string) (url string, kill func()) {
	t.Helper()
	cmd := exec.Command(binary, args...)
	var words bytes.Buffer
	cmd.Stderr = &words
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	t.Cleanup(kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err, "%s", &words)
	return strings.TrimSpace(strings.TrimPrefix(line, "listening on ")), kill
}

// cart is what the shop says of a session.
type cart struct {
	ID        string
	User      string
	Items     int
	Placement struct{ Where string }
}

func ask(t *testing.T, client *http.Client, method, url string) (c cart) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	response, err := client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, "%s", body)
	require.NoError(t, json.Unmarshal(body, &c), "%s", body)
	return c
}
