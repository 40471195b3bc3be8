//! The receivers of the guide to events, run as they stand there.

use std::{fs, path::Path, process::Command};

/// A file that the guide shows.
fn shown(name: &str) -> String {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/events.md");
    let guide = fs::read_to_string(guide).unwrap();
    let (_, from) = guide.split_once(&format!(" {name}\n")).unwrap();
    from.split_once("```\n").unwrap().0.to_owned()
}

/// Runs a script beside a file of the guide; whatever it prints is what it has to complain of. Where there is no such
/// interpreter there is nothing to be seen.
fn run(interpreter: &str, file: &str, script: &str) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join(file), shown(file)).unwrap();
    let script_file = directory.path().join("script");
    fs::write(&script_file, script).unwrap();
    let run = Command::new(interpreter).arg(script_file).current_dir(&directory).output();
    let Ok(output) = run else {
        println!("there is no {interpreter} here");
        return;
    };
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

// The scheme's own example: of its secret, its id, its timestamp and its body.

#[test]
fn the_check_in_python_takes_what_is_signed_and_nothing_else() {
    let script = r#"
import sys
sys.path.insert(0, ".")
from verify import verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
GOOD = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
AT = 1614265330

def check(secret=SECRET, body=BODY, given=GOOD, at=str(AT), now=AT, id="msg_p5jXN8AQM9LWM0D4loKWxJek"):
    headers = {"webhook-id": id, "webhook-timestamp": at, "webhook-signature": given}
    return verify(secret, {k: v for k, v in headers.items() if v is not None}, body, now)

def claim(what, holds):
    if not holds:
        print(what)

claim("signed", check())
claim("a second signature", check(given="v1,AAAA v1a,BBBB " + GOOD))
claim("without padding", check(secret=SECRET.rstrip("=")))
claim("a little late", check(now=AT + 300))
claim("too late", not check(now=AT + 301))
claim("too early", not check(now=AT - 301))
claim("another body", not check(body=b"{}"))
claim("another id", not check(id="other"))
claim("another secret", not check(secret="whsec_AAAA"))
claim("another version", not check(given=GOOD.replace("v1,", "v2,")))
claim("no signature", not check(given=None))
claim("no timestamp", not check(at=None))
claim("an odd timestamp", not check(at="soon"))
claim("odd signatures", not check(given="\u00e9 \u2603"))
claim("the clock of the machine", not check(now=None))
"#;
    run("python3", "verify.py", script);
}

#[test]
fn the_check_in_node_takes_what_is_signed_and_nothing_else() {
    let script = r#"
const { verify } = require("./verify.js");

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const GOOD = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const AT = 1614265330;

function check(other = {}) {
  const { secret, body, id, given, at, now } = {
    secret: SECRET, body: '{"test": 2432232314}', id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
    given: GOOD, at: String(AT), now: AT, ...other,
  };
  const headers = { "webhook-id": id, "webhook-timestamp": at, "webhook-signature": given };
  return verify(secret, headers, Buffer.from(body), now);
}

function claim(what, holds) {
  if (!holds) console.log(what);
}

claim("signed", check());
claim("a second signature", check({ given: "v1,AAAA v1a,BBBB " + GOOD }));
claim("a little late", check({ now: AT + 300 }));
claim("too late", !check({ now: AT + 301 }));
claim("too early", !check({ now: AT - 301 }));
claim("another body", !check({ body: "{}" }));
claim("another id", !check({ id: "other" }));
claim("another secret", !check({ secret: "whsec_AAAA" }));
claim("another version", !check({ given: GOOD.replace("v1,", "v2,") }));
claim("no signature", !check({ given: undefined }));
claim("no timestamp", !check({ at: undefined }));
claim("an odd timestamp", !check({ at: "soon" }));
claim("the clock of the machine", !check({ now: undefined }));
"#;
    run("node", "verify.js", script);
}
