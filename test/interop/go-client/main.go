// An MCP client made with the official Go SDK, on Go's own TLS.
//
// Usage: go run . <endpoint> <CA file>. Prints one JSON object.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"os"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

type report struct {
	Group string   `json:"group"`
	Key   string   `json:"key"`
	Tools []string `json:"tools"`
	Echo  string   `json:"echo"`
}

// recorder notes what the handshake of each response's connection negotiated.
type recorder struct {
	base   http.RoundTripper
	report *report
}

func (r recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.base.RoundTrip(request)
	if err == nil && response.TLS != nil {
		r.report.Group = response.TLS.CurveID.String()
		r.report.Key = response.TLS.PeerCertificates[0].PublicKeyAlgorithm.String()
	}
	return response, err
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	result, err := run(ctx, os.Args[1], os.Args[2])
	if err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(result)
}

func run(ctx context.Context, endpoint, caFile string) (*report, error) {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	result := &report{}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	client := mcp.NewClient(&mcp.Implementation{Name: "go", Version: "1.0.0"}, nil)
	session, err := client.Connect(ctx, &mcp.StreamableClientTransport{
		Endpoint:   endpoint,
		HTTPClient: &http.Client{Transport: recorder{transport, result}},
	}, nil)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	tools, err := session.ListTools(ctx, nil)
	if err != nil {
		return nil, err
	}
	for _, tool := range tools.Tools {
		result.Tools = append(result.Tools, tool.Name)
	}
	answer, err := session.CallTool(ctx, &mcp.CallToolParams{
		Name:      "echo",
		Arguments: map[string]any{"message": "hello from Go"},
	})
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(answer.Content)
	result.Echo = string(text)
	return result, err
}
