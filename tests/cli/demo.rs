//! `demo`: what it prints works when it is pasted.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::Shell;

/// A running demo, killed when dropped.
struct Demo {
    child: Child,
    /// What it has printed.
    guide: String,
    shell: Shell,
}

impl Demo {
    fn start() -> Self {
        let shell = Shell::bare().with("BIND_ADDR", "127.0.0.1:0").with("LOG_FORMAT", "json");
        let directory = shell.directory().display().to_string();
        let shell = shell.with("TMPDIR", &directory);
        let mut command = shell.command("demo");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the binary runs");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
        let mut guide = String::new();
        for line in lines {
            guide = guide + &line + "\n";
            if line.contains("Ctrl-C stops the demo") {
                break;
            }
        }
        Self { child, guide, shell }
    }

    /// The lines that are commands, each with what is said of it.
    fn commands(&self) -> Vec<(&str, &str)> {
        let lines: Vec<_> = self.guide.lines().collect();
        lines.windows(2).filter(|pair| pair[1].starts_with("curl ")).map(|pair| (pair[0], pair[1])).collect()
    }

    fn stop(&mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
        assert_eq!(self.child.wait().expect("a child").code(), Some(0));
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pasted(command: &str) -> Value {
    let output = Command::new("sh").args(["-c", command]).output().expect("sh runs");
    assert!(output.status.success(), "{command}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{command}: {error}: {output:?}"))
}

#[test]
fn every_line_works_when_pasted() {
    let mut demo = Demo::start();
    let commands = demo.commands();
    assert!(commands.len() >= 8, "{}", demo.guide);
    for (what, command) in commands {
        let answer = pasted(command);
        match ["forbidden", "tenant_mismatch"].into_iter().find(|code| what.contains(&format!("(403 {code})"))) {
            Some(code) => assert_eq!(answer["code"], code, "{what}"),
            None => assert!(answer.get("code").is_none(), "{what}: {answer}"),
        }
        if let Some(rows) = answer["data"].as_array() {
            assert!(!rows.is_empty(), "{what}: nothing to see");
        }
    }
    let whole = Command::new("sh").args(["-c", &demo.guide]).output().expect("sh runs");
    assert!(whole.status.success() && whole.stderr.is_empty(), "pasted as one: {whole:?}");
    let docs = demo.guide.lines().find_map(|line| line.split("Docs").nth(1)).expect("the docs' address").trim();
    let page = Command::new("curl").args(["-sfL", docs]).output().expect("curl runs");
    assert!(page.status.success() && String::from_utf8_lossy(&page.stdout).contains("<html"), "{docs}");

    demo.stop();
    let left = std::fs::read_dir(demo.shell.directory()).unwrap().count();
    assert_eq!(left, 0, "the database is thrown away");
}

#[test]
fn the_world_is_the_same_every_time() {
    let worlds = [Demo::start(), Demo::start()].map(|demo| pasted(demo.commands()[0].1));
    assert!(worlds[0]["data"][0]["posts"].is_array(), "{}", worlds[0]);
    assert_eq!(worlds[0], worlds[1]);
}
