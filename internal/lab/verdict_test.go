package lab

import "testing"

func TestJudge(t *testing.T) {
	fault := Scenario{Want: []string{"net/port-filtered"}, Also: []string{"net/ipv6-broken"}}
	open := Scenario{Want: []string{"auth/rejected"}, Candidates: true}
	control := Scenario{}
	rough := Scenario{MaxStatus: "degraded"}
	tests := []struct {
		name   string
		s      Scenario
		report string
		want   Verdict
	}{
		{"named", fault, `{"schema":1,"status":"failed","root_cause":{"code":"net/port-filtered"},"findings":[{"code":"net/port-filtered","severity":"critical"}]}`, Named},
		{"named with a consequence", fault, `{"schema":1,"status":"failed","root_cause":{"code":"net/port-filtered"},"findings":[{"code":"x/y","severity":"error","because_of":"net/port-filtered"}]}`, Named},
		{"named with an allowed neighbour", fault, `{"schema":1,"status":"failed","root_cause":{"code":"net/port-filtered"},"findings":[{"code":"net/ipv6-broken","severity":"error"}]}`, Named},
		{"false statement beside it", fault, `{"schema":1,"status":"failed","root_cause":{"code":"net/port-filtered"},"findings":[{"code":"dns/slow","severity":"error"}]}`, Wrong},
		{"warnings are free", fault, `{"schema":1,"status":"failed","root_cause":{"code":"net/port-filtered"},"findings":[{"code":"dns/slow","severity":"warning"}]}`, Named},
		{"another cause", fault, `{"schema":1,"status":"failed","root_cause":{"code":"service/hung"}}`, Wrong},
		{"none", fault, `{"schema":1,"status":"unknown","root_cause":null}`, Missed},
		{"candidate where it could decide", fault, `{"schema":1,"status":"failed","root_cause":{"code":"service/hung","confidence":"possible","candidates":[{"code":"net/port-filtered"}],"decide":"d"}}`, Unsure},
		{"confirms the wrong candidate", open, `{"schema":1,"status":"failed","root_cause":{"code":"auth/user-denied","confidence":"confirmed","candidates":[{"code":"auth/rejected"}],"decide":"d"}}`, Wrong},
		{"candidate", open, `{"schema":1,"status":"failed","root_cause":{"code":"auth/user-denied","confidence":"possible","candidates":[{"code":"auth/rejected"}],"decide":"d"},"findings":[{"code":"auth/user-denied","severity":"error"}]}`, Candidate},
		{"candidate itself first", open, `{"schema":1,"status":"failed","root_cause":{"code":"auth/rejected","confidence":"possible","decide":"d"}}`, Candidate},
		{"candidate without experiment", open, `{"schema":1,"status":"failed","root_cause":{"code":"auth/rejected","confidence":"possible"}}`, Unsure},
		{"healthy", control, `{"schema":1,"status":"ok","root_cause":null}`, Healthy},
		{"healthy but degraded", control, `{"schema":1,"status":"degraded","root_cause":null}`, FalseAlarm},
		{"healthy and allowed to be degraded", rough, `{"schema":1,"status":"degraded","root_cause":null}`, Healthy},
		{"healthy with a root cause", rough, `{"schema":1,"status":"ok","root_cause":{"code":"dns/slow"}}`, FalseAlarm},
		{"healthy with an error", rough, `{"schema":1,"status":"ok","root_cause":null,"findings":[{"code":"dns/slow","severity":"error"}]}`, FalseAlarm},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := parseReport([]byte(tt.report))
			if err != nil {
				t.Fatal(err)
			}
			if got, reason := judge(tt.s, r); got != tt.want {
				t.Errorf("judge = %q (%s), want %q", got, reason, tt.want)
			}
		})
	}
}

func TestParseReportRefusesOtherText(t *testing.T) {
	for _, text := range []string{"", "panic: x", "{}", `{"schema":2,"status":"ok"}`, `{"schema":1,"status":"ok"} trailing`} {
		if _, err := parseReport([]byte(text)); err == nil {
			t.Errorf("parseReport(%q) = nil error", text)
		}
	}
}
