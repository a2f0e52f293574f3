//! The recipes of the documents, taken from the documents, so that they cannot differ from what is tested.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use serde_json::{Value, json};
use yaml_rust2::YamlLoader;

use crate::{
    FLOWRUNS_PATH,
    place::{Place, Printed, printed},
};

const REPORTING: &str = include_str!("../../docs/reporting.md");
const README: &str = include_str!("../../README.md");

/// The code blocks of a section, each with its language. A line of code may begin as a heading does.
fn blocks(document: &str, heading: &str) -> Vec<(String, String)> {
    let level = |line: &str| line.find(|character| character != '#').unwrap_or_default();
    let mut blocks: Vec<(String, String)> = Vec::new();
    let (mut is_code, mut is_section) = (false, false);
    for line in document.lines() {
        if let Some(language) = line.strip_prefix("```") {
            is_code = !is_code;
            if is_code && is_section {
                blocks.push((language.to_owned(), String::new()));
            }
        } else if is_code && is_section {
            let (_, code) = blocks.last_mut().unwrap();
            code.push_str(line);
            code.push('\n');
        } else if !is_code && line.starts_with('#') {
            is_section = line == heading || (is_section && level(line) > level(heading));
        }
    }
    assert!(!blocks.is_empty(), "{heading}");
    blocks
}

/// The only block of a section in a language.
fn block(heading: &str, language: &str) -> String {
    let mut blocks = blocks(REPORTING, heading);
    blocks.retain(|(found, _)| found == language);
    let [(_, code)] = &blocks[..] else { panic!("{heading}: {language}: {blocks:?}") };
    code.clone()
}

/// The programs, addresses and files of a recipe are those of the test.
fn adapted(place: &Place, recipe: &str) -> String {
    let job = executable(place, "import", "#!/bin/sh\necho imported\n");
    let token = place.path("token");
    fs::write(&token, &place.token).unwrap();
    recipe
        .replace("https://flowruns.example", &place.url())
        .replace("/etc/flowruns/token", token.to_str().unwrap())
        .replace("/usr/local/bin/flowruns", FLOWRUNS_PATH)
        .replace("/opt/rosters/import", &job)
}

fn executable(place: &Place, name: &str, script: &str) -> String {
    let path = place.path(name);
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A script, with the server in its environment.
fn shell(place: &Place, script: &str) -> Command {
    let mut command = place.program("sh");
    command
        .args(["-c", script])
        .env("FLOWRUNS_URL", place.url())
        .env("FLOWRUNS_TOKEN", &place.token);
    command
}

/// The newest run of a flow.
fn newest(place: &Place, flow: &str) -> Value {
    let run = place.done(&["list", "--ids", "--limit", "1", "--flow", flow]);
    place.json(&["show", &run, "--json"])
}

#[track_caller]
fn assert_done(printed: &Printed) {
    assert_eq!(printed.code, 0, "{printed:?}");
}

fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

#[test]
fn cron_runs_the_job_and_sends_what_was_kept() {
    let place = Place::new();
    for (document, heading) in [(REPORTING, "### cron"), (README, "## Report from a cron job")] {
        let blocks = blocks(document, heading);
        let (_, crontab) = blocks.into_iter().find(|(language, _)| language == "cron").unwrap();
        let mut variables = Vec::new();
        for line in adapted(&place, &crontab).lines() {
            if let Some(variable) =
                line.split_once('=').filter(|(name, _)| name.starts_with("FLOWRUNS"))
            {
                variables.push((variable.0.to_owned(), variable.1.to_owned()));
                continue;
            }
            let command: Vec<&str> = line.split_whitespace().skip(5).collect();
            // What cron gives to a command, and the variables of the crontab.
            let mut cron = Command::new("/bin/sh");
            cron.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", place.folder.path());
            cron.args(["-c", &command.join(" ")]).envs(variables.iter().cloned());
            let done = printed(&mut cron);
            assert_done(&done);
            assert_eq!(done.out, if line.contains("flush") { "" } else { "imported\n" });
            assert_eq!(done.err, "");
        }
        let run = newest(&place, "Nightly rosters");
        assert_eq!(
            (&run["status"], &run["statistics"]["exec"]["exitCode"]),
            (&json!("completed"), &json!(0))
        );
    }
    assert_eq!(place.json(&["list", "--json"]).as_array().unwrap().len(), 2);
}

#[test]
fn the_first_steps_of_the_readme_show_a_failed_run() {
    let place = Place::new();
    let blocks = blocks(README, "## Report from a cron job");
    let (_, steps) = blocks.into_iter().find(|(language, _)| language == "sh").unwrap();
    // The tests have the binary elsewhere, and it is in PATH.
    let steps = steps.replace("PATH=\"$PWD/target/release:$PATH\"\n", "");
    let done = printed(&mut shell(&place, &steps));
    assert_done(&done);
    assert!(done.out.starts_with("working\nSTATUS"), "{done:?}");
    assert!(done.out.contains("status   failed") && done.out.contains("exit code 3"), "{done:?}");
}

#[test]
fn systemd_accepts_the_units_and_the_service_reports() {
    let place = Place::new();
    let blocks = blocks(REPORTING, "### A systemd timer");
    let mut units = Vec::new();
    for (_, unit) in blocks {
        let name = unit.lines().next().unwrap().rsplit_once('/').unwrap().1;
        let path = place.path(name);
        fs::write(&path, adapted(&place, &unit)).unwrap();
        units.push(path);
    }
    assert_eq!(units.len(), 2);
    if is_installed("systemd-analyze") {
        let mut verify = Command::new("systemd-analyze");
        let verified = printed(verify.args(["verify", "--man=no"]).args(&units));
        // Without a running systemd some versions cannot verify anything, and say so.
        let is_about_units = verified.err.contains("rosters");
        assert!(!is_about_units, "{verified:?}");
    }
    let service = fs::read_to_string(&units[0]).unwrap();
    let value = |name: &str| service.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    assert_done(&printed(&mut shell(&place, value("ExecStart="))));
    assert_eq!(newest(&place, "Nightly rosters")["status"], "completed");
}

#[test]
fn a_script_reports_its_progress_and_never_leaves_its_run_running() {
    let place = Place::new();
    fs::write(place.path("a.csv"), "1\n2\n").unwrap();
    fs::write(place.path("b.csv"), "3\n").unwrap();
    let script = block("### A shell script with progress", "sh");
    let script_file = executable(&place, "rosters", &script);
    assert_done(&printed(&mut shell(&place, &script_file)));
    let run = newest(&place, "Nightly rosters");
    assert_eq!(
        (&run["status"], &run["statistics"]),
        (&json!("completed"), &json!({"rows": 3, "file": "b.csv"}))
    );

    // It cannot read a file; then it is ended by a signal.
    fs::create_dir(place.path("c.csv")).unwrap();
    assert_ne!(printed(&mut shell(&place, &script_file)).code, 0);
    assert_eq!(newest(&place, "Nightly rosters")["status"], "failed");
    let killed = script.replace("rows=$((rows", "kill -TERM $$; rows=$((rows");
    let killed = executable(&place, "killed", &killed);
    assert_eq!(printed(&mut shell(&place, &killed)).code, 1);
    let run = newest(&place, "Nightly rosters");
    assert_eq!(run["blockingError"]["message"], "the script ended early");
}

#[test]
fn the_steps_of_a_report_and_the_commands_that_look_work_as_they_are_written() {
    let place = Place::new();
    assert_done(&printed(&mut shell(
        &place,
        &format!("set -e\n{}", block("## Step by step: `report`", "sh")),
    )));
    let run = newest(&place, "Nightly rosters");
    assert_eq!((&run["status"], &run["statistics"]["rows"]), (&json!("completed"), &json!(1200)));
    let looking = format!("set -e\n{}", block("## Looking: `list`, `show`, `watch`", "sh"));
    let looked = printed(&mut shell(&place, &looking));
    assert_done(&looked);
    assert!(looked.out.contains("has completed after"), "{looked:?}");
    executable(&place, "import.sh", "#!/bin/sh\necho \"$1\"\n");
    let exec = printed(&mut shell(&place, &block("## Any command: `exec`", "sh")));
    assert_eq!((exec.code, &*exec.out), (0, "--all\n"), "{exec:?}");
}

#[test]
fn the_workflow_for_github_is_yaml_and_its_steps_run() {
    let place = Place::new();
    let workflow = adapted(&place, &block("### GitHub Actions", "yaml"));
    let workflow = &YamlLoader::load_from_str(&workflow).unwrap()[0];
    let job = &workflow["jobs"]["import"];
    assert!(workflow["on"]["schedule"][0]["cron"].as_str().is_some());
    let filled = |text: &str| {
        text.replace("${{ secrets.FLOWRUNS_TOKEN }}", &place.token)
            .replace("${{ github.run_number }}", "7")
    };
    executable(&place, "import.sh", "#!/bin/sh\nexit 0\n");
    let steps = job["steps"].as_vec().unwrap().iter();
    for step in steps.filter_map(|step| step["run"].as_str()) {
        let mut command = place.program("bash");
        command.args(["-e", "-c", &filled(step)]);
        for (name, value) in job["env"].as_hash().unwrap() {
            command.env(name.as_str().unwrap(), filled(value.as_str().unwrap()));
        }
        assert_done(&printed(&mut command));
    }
    let run = newest(&place, "Nightly rosters");
    assert_eq!(
        (&run["status"], &run["displayName"]),
        (&json!("completed"), &json!("Workflow run 7"))
    );
}

/// What the recipe imports of Airflow: an operator that runs its command at once, as a task would.
const AIRFLOW: &str = r#"
import os, subprocess, sys, types
class DAG:
    def __init__(self, name, **arguments): pass
    def __enter__(self): return self
    def __exit__(self, *error): pass
class BashOperator:
    def __init__(self, task_id, bash_command, env, append_env):
        environment = {**os.environ, **env} if append_env else env
        command = bash_command.replace("{{ ds }}", "2026-03-01")
        sys.exit(subprocess.run(["bash", "-c", command], env=environment).returncode)
for name in ["", ".sdk", ".providers", ".providers.standard", ".providers.standard.operators", ".providers.standard.operators.bash"]:
    sys.modules["airflow" + name] = types.ModuleType("airflow" + name)
sys.modules["airflow.sdk"].DAG = DAG
sys.modules["airflow.providers.standard.operators.bash"].BashOperator = BashOperator
"#;

#[test]
fn the_task_of_airflow_runs_the_job_and_ends_as_it_does() {
    let place = Place::new();
    if !is_installed("python3") {
        return;
    }
    let task = format!("{AIRFLOW}\n{}", adapted(&place, &block("### Airflow", "python")));
    let run = |script: &str| printed(place.program("python3").args(["-c", script]));
    assert_done(&run(&task));
    let stored = newest(&place, "Nightly rosters");
    assert_eq!(
        (&stored["status"], &stored["displayName"]),
        (&json!("completed"), &json!("Rosters of 2026-03-01"))
    );
    executable(&place, "import", "#!/bin/sh\nexit 9\n");
    assert_eq!(run(&task).code, 9);
    assert_eq!(newest(&place, "Nightly rosters")["status"], "failed");
}

#[test]
fn models_that_fail_in_dbt_are_errors_of_a_run_that_has_completed() {
    let place = Place::new();
    let recipe = block("### dbt", "sh");
    for (code, status) in [(0, "completed"), (1, "completedWithErrors"), (2, "failed")] {
        executable(&place, "dbt", &format!("#!/bin/sh\ntest \"$1\" = build\nexit {code}\n"));
        let path = format!("{}:{}", place.folder.path().display(), path_of(&place));
        assert_eq!(printed(shell(&place, &recipe).env("PATH", path)).code, code);
        assert_eq!(newest(&place, "dbt nightly")["status"], status);
    }
}

fn path_of(place: &Place) -> String {
    printed(place.program("sh").args(["-c", "printf %s \"$PATH\""])).out
}

#[test]
fn a_python_script_reports_statistics_through_its_file() {
    let place = Place::new();
    if !is_installed("python3") {
        return;
    }
    let heading = "### A Python script with its own statistics";
    let script = block(heading, "python");
    assert!(script.starts_with("# import.py\n"));
    fs::write(place.path("import.py"), script).unwrap();
    let rows: String = (0..1500)
        .map(|row| format!("{row}{}\n", if row % 3 == 0 { "" } else { "@a.example" }))
        .collect();
    fs::write(place.path("rosters.csv"), rows).unwrap();
    assert_done(&printed(&mut shell(&place, &block(heading, "sh"))));
    let run = newest(&place, "Nightly rosters");
    assert_eq!(run["statistics"]["records"], json!({"read": 1500, "rejected": 500}));
    assert_eq!(
        (&run["status"], &run["statistics"]["exec"]["program"]),
        (&json!("completed"), &json!("python3"))
    );
    // It also works alone.
    assert_done(&printed(place.program("python3").arg("import.py")));
}

#[test]
fn completions_and_pages_are_installed_where_the_document_says() {
    let place = Place::new();
    let script = block("## Completions and manual pages", "sh");
    let root = place.folder.path().display().to_string();
    let script = script
        .replace(">/", &format!(">{root}/"))
        .replace("--output /", &format!("--output {root}/"));
    for line in script.lines().filter_map(|line| line.rsplit_once('>')) {
        fs::create_dir_all(Path::new(line.1).parent().unwrap()).unwrap();
    }
    assert_done(&printed(&mut shell(&place, &format!("set -e\n{script}"))));
    assert!(place.path("usr/local/share/man/man1/flowruns-exec.1").exists());
    assert!(place.path("etc/bash_completion.d/flowruns").exists());
}

#[test]
fn the_exit_codes_of_the_document_are_those_of_the_help() {
    let help = printed(Command::new(FLOWRUNS_PATH).args(["watch", "--help"])).out;
    let (_, table) = REPORTING.split_once("| exit code | `report`").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let documented: Vec<&str> =
        table.lines().skip(2).map(|row| row.split('|').nth(1).unwrap().trim()).collect();
    let (_, codes) = help.split_once("Exit codes:\n").unwrap();
    let shown: Vec<&str> =
        codes.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(documented, shown);
}
