package segment

import (
	"strings"
	"testing"
)

func TestMedia(t *testing.T) {
	for body, want := range map[string]bool{
		`{"messages":[{"role":"user","content":"an image_url of type image"}]}`:                                                                                  false,
		`{"messages":[{"role":"user","content":[{"type":"text","text":"image"}]}],"tools":[{"type":"function","function":{"parameters":{"type":"object"}}}]}`:    false,
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x.test/a.png"}}]}]}`:                                             true,
		`{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AA","format":"wav"}}]}]}`:                                           true,
		`{"messages":[{"role":"user","content":[{"type":"file","file":{"file_data":"data:application/pdf;base64,JVBERi0="}}]}]}`:                                 true,
		`{"messages":[{"role":"user","content":[{"type":"file","file":{"file_data":"JVBERi0="}}]}]}`:                                                             true,
		`{"messages":[{"role":"user","content":[{"type":"file","file":{"file_data":"DATA:text/plain;base64,eA=="}}]}]}`:                                          false,
		`{"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"file-1"}}]}]}`:                                                                 true,
		`{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA"}}]}]}`:                            true,
		`{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"x"}}]}]}`:                           false,
		`{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"base64","media_type":"text/csv","data":"eA=="}}]}]}`:                        false,
		`{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"AA"}}]}]}`:                   true,
		`{"messages":[{"role":"user","content":[{"type":"tool_result","content":[{"type":"document","source":{"type":"url","url":"https://x.test/a.pdf"}}]}]}]}`: true,
		`{"input":[{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,AA"}]}]}`:                                                  true,
		`{"input":[{"role":"user","content":[{"type":"input_file","file_url":"https://x.test/a.pdf"}]}]}`:                                                        true,
		`{"input":[{"type":"computer_call_output","output":{"type":"computer_screenshot","file_id":null}}]}`:                                                     true,
		`{"prompt":"p","images":[{"file_id":"f"}]}`:                                                          true,
		`{"prompt":"p","image":[{"$file":0,"filename":"a.png","content_type":"image/png","size":1}]}`:        true,
		`{"model":"m","file":{"$file":0,"filename":"a.wav","content_type":"audio/wav","size":1}}`:            true,
		`{"messages":[{"role":"user","content":[{"typ\u0065":"im\u0061ge_url","x":1}]}]}`:                    true,
		`{"messages":[{"role":"user","content":[{"type":"new","new":{"url":"data:image/png;base64,AA"}}]}]}`: true,
		`{"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":"AAAA"}}]}]}`:                   true,
		`{"contents":[{"parts":[{"inline_data":{"mime_type":"text/csv","data":"eA=="}}]}]}`:                  false,
		`{"contents":[{"parts":[{"fileData":{"fileUri":"https://x.test/v"}}]}]}`:                             true,
		`{"messages":[{"role":"user","content":[{"image":{"format":"png","source":{"bytes":"AA"}}}]}]}`:      true,
		`{"messages":[{"role":"user","content":[{"document":{"format":"txt","source":{"bytes":"eA=="}}}]}]}`: false,
		`{"input":[{"image":"https://x.test/a.png"}]}`:                                                       true,
		`{"messages":[{"role":"assistant","content":[{"type":"tool_use","input":{"image":"nginx:1.27"}}]}]}`: false,
		`{"prompt":"p","images":["a.png","` + strings.Repeat("A", 80) + `"]}`:                                true,
		`{"prompt":"p","images":["a.png"]}`:                                                                  false,
		`{"inputs":[{"content":[{"type":"image_base64","image_base64":"data:image/png;base64,AA"}]}]}`:       true,
		`{"inputs":[{"content":[{"type":"video_base64","video_base64":"data:video/mp4;base64,AA"}]}]}`:       true,
		`{"input":[{"image":"` + strings.Repeat("A", 80) + `"}]}`:                                            true,
		`{"prompt":"p","image_url":null}`:                                                                    false,
	} {
		if got := Media([]byte(body)); got != want {
			t.Errorf("%s: %v, want %v", body, got, want)
		}
	}
}
