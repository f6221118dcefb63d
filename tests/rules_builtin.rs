//! The built-in rules: the program holds every file of `data/rules`, and each rule does what its examples say.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use insights::rules::builtin::FILES;
use insights::rules::catalogue;
use insights::rules::example::{fired, try_all};
use insights::rules::field::LogSource;
use insights::rules::{Program, RuleSet, RuleSettings};
use insights::severity::Severity;
use serde_json::json;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/rules")
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            files(&entry, found);
        } else if entry.extension().is_some_and(|ending| ending == "yml") {
            found.push(entry);
        }
    }
}

/// The names of the files below `data/rules`, in order.
fn names() -> Vec<String> {
    let mut found = Vec::new();
    files(&folder(), &mut found);
    let name = |path: &PathBuf| path.strip_prefix(folder()).unwrap().to_string_lossy().replace('\\', "/");
    let mut names: Vec<String> = found.iter().map(name).collect();
    names.sort();
    names
}

/// `UPDATE_RULES=1` writes the list anew.
#[test]
fn the_list_is_the_folder() {
    let names = names();
    if std::env::var_os("UPDATE_RULES").is_some() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules/builtin.rs");
        let text = fs::read_to_string(&source).unwrap();
        let head = &text[..text.find("pub static FILES").unwrap()];
        let mut list = format!("{head}pub static FILES: &[(&str, &str)] = files![\n");
        for name in &names {
            writeln!(list, "    {name:?},").unwrap();
        }
        fs::write(&source, list + "];\n").unwrap();
        return;
    }
    let listed: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
    assert_eq!(listed, names, "run this test with UPDATE_RULES=1 to write src/rules/builtin.rs anew");
    for (name, text) in FILES {
        assert_eq!(*text, fs::read_to_string(folder().join(name)).unwrap(), "{name}");
    }
}

#[test]
fn every_rule_does_what_its_examples_say() {
    let settings = RuleSettings::default();
    let set = RuleSet::load(&settings).unwrap();
    assert!(set.refusals().is_empty(), "{:#?}", set.refusals());
    let (_, failures) = try_all(&set, &settings);
    assert!(failures.is_empty(), "{failures:#?}");
    for (position, rule) in set.rules().iter().enumerate().filter(|(position, _)| set.reports(*position)) {
        let shows = |fires: bool| rule.extension.examples.iter().any(|example| example.fires == fires);
        assert!(shows(true) && shows(false), "{}: an example that fires and a near miss", set.rules()[position].title);
    }
}

/// `UPDATE_RULES=1` writes the page anew.
#[test]
fn the_catalogue_is_the_rules() {
    let set = RuleSet::load(&RuleSettings::default()).unwrap();
    let page = catalogue::markdown(&set, &(0..set.rules().len()).collect::<Vec<_>>());
    let file = folder().join("CATALOGUE.md");
    if std::env::var_os("UPDATE_RULES").is_some() {
        fs::write(&file, &page).unwrap();
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), page, "run this test with UPDATE_RULES=1 to write {file:?} anew");
}

/// The product's own rules: id, threshold (0: any match), severity.
const PRODUCT: [(&str, u32, u8); 53] = [
    ("cis.at.abnormal_login", 6, 8),
    ("cis.at.root_login", 6, 6),
    ("cis.at.ram_mfa_login", 0, 8),
    ("cis.at.unauth_login", 0, 8),
    ("cis.at.off_duty_login", 0, 8),
    ("cis.at.abnormal_ak_usage", 1, 8),
    ("cis.at.root_ak_usage", 1, 8),
    ("cis.at.ak_conf_change", 0, 8),
    ("cis.at.password_reset", 0, 8),
    ("cis.at.abnormal_pwd_mod_cnt", 2, 8),
    ("cis.at.password_change", 0, 8),
    ("cis.at.pwd_login_attemp_policy", 0, 8),
    ("cis.at.pwd_expire_policy", 0, 8),
    ("cis.at.pwd_length_policy", 0, 8),
    ("cis.at.pwd_reuse_prevention_policy", 0, 8),
    ("cis.at.ram_auth_change", 0, 8),
    ("cis.at.ram_policy_change", 0, 6),
    ("cis.at.trail_off", 0, 8),
    ("cis.at.api_err", 1, 8),
    ("cis.at.unauth_apicall", 6, 8),
    ("ip_insight", 0, 8),
    ("ip_insight_v2", 0, 8),
    ("cis.at.oss_policy_change", 0, 8),
    ("cis.at.securitygroup_change", 0, 8),
    ("cis.at.vpc_route_change", 0, 4),
    ("cis.at.vpc_conf_change", 0, 4),
    ("cis.at.vpc_flowlog_off", 0, 8),
    ("cis.at.esc_release", 0, 8),
    ("cis.at.ecs_force_reboot", 0, 8),
    ("cis.at.ecs_reboot_alot", 4, 8),
    ("cis.at.ecs_release_protec_off", 0, 8),
    ("cis.at.ecs_disk_release", 0, 8),
    ("cis.at.ecs_disk_reinit", 0, 8),
    ("cis.at.ecs_auto_snapshot_policy", 0, 8),
    ("cis.at.ecs_disk_encry_detc", 0, 8),
    ("db.at.rds_instance_del", 0, 8),
    ("cis.at.rds_access_whitelist", 0, 8),
    ("cis.at.rds_sql_audit", 0, 8),
    ("cis.at.rds_ssl_config", 0, 8),
    ("cis.at.rds_conf_change", 0, 4),
    ("dataflow.at.slb_http", 0, 8),
    ("cis.at.sas_webshell_detection", 0, 8),
    ("cis.at.sas_webshell_unbind", 0, 8),
    ("cis.at.cloudfirewall_conf_change", 0, 6),
    ("cis.at.cfw_basic_rule_off", 0, 8),
    ("cis.at.cfw_ai_off", 0, 8),
    ("cis.at.cfw_ti_off", 0, 8),
    ("cis.at.cfw_patch_off", 0, 8),
    ("cis.at.cfw_obs_mode", 0, 8),
    ("cis.at.cfw_loose_block", 0, 8),
    ("cis.at.cfw_log_off", 0, 8),
    ("cis.at.cfw_assets_protec_off", 0, 8),
    ("cis.at.cfw_assets_auto_protec_off", 0, 8),
];

#[test]
fn every_rule_of_the_product_is_there_with_its_threshold_and_severity() {
    let set = RuleSet::load(&RuleSettings::default()).unwrap();
    for (id, threshold, severity) in PRODUCT {
        let rule = set
            .rules()
            .iter()
            .find(|rule| rule.extension.builtin.as_deref() == Some(id))
            .unwrap_or_else(|| panic!("{id}"));
        assert_eq!(rule.level.vendor_number(), severity, "{id}");
        assert_eq!(rule.extension.parameters.threshold, (threshold > 0).then_some(f64::from(threshold)), "{id}");
    }
}

#[test]
fn every_reported_rule_tells_what_a_reader_needs() {
    let set = RuleSet::load(&RuleSettings::default()).unwrap();
    let reported =
        (0..set.rules().len()).filter(|&position| set.reports(position)).map(|position| &set.rules()[position]);
    for rule in reported {
        assert!(!rule.description.is_empty() && rule.description.contains("Check first:"), "{}", rule.place);
        assert!(!rule.false_positives.is_empty(), "{}: false positives", rule.place);
        let tag = rule.tags.iter().any(|tag| tag.starts_with("attack."));
        assert!(tag, "{}: ATT&CK", rule.place);
        assert!(
            rule.extension.group.as_deref().is_some_and(|group| rule.place.file.contains(group)),
            "{}: group",
            rule.place
        );
    }
}

/// Calls that the product's own rules pass over, in the words of either cloud, each with the file of the rule that finds it.
#[test]
fn what_the_product_passes_over_is_found() {
    let settings = RuleSettings::default();
    let set = RuleSet::load(&settings).unwrap();
    let program = Program::compile(&set);
    let at = |service: &str, name: &str, parameters: serde_json::Value| {
        json!({
            "eventTime": "2026-01-05T10:03:04Z", "eventName": name, "serviceName": service, "eventType": "ApiCall", "eventRW": "Write",
            "acsRegion": "cn-hangzhou", "sourceIpAddress": "198.51.100.7", "requestParameters": parameters,
            "userIdentity": {"type": "ram-user", "accountId": "1", "principalId": "2", "userName": "alice"}
        })
    };
    let aws = |service: &str, name: &str, parameters: serde_json::Value| {
        json!({
            "eventTime": "2026-01-05T10:03:04Z", "eventName": name, "eventSource": format!("{service}.amazonaws.com"),
            "eventType": "AwsApiCall", "awsRegion": "eu-west-1", "sourceIPAddress": "198.51.100.7", "requestParameters": parameters,
            "userIdentity": {"type": "IAMUser", "accountId": "1", "principalId": "AIDA1", "userName": "alice"}, "recipientAccountId": "1"
        })
    };
    let user = || json!({"UserName": "bob", "userName": "bob"});
    let policy = |name: &str| json!({"UserName": "bob", "PolicyName": name, "PolicyType": "System"});
    let granted = |arn: &str| json!({"userName": "bob", "policyArn": arn});
    for (event, file) in [
        (at("Ram", "CreateAccessKey", user()), "alibaba/account-security/access-key-created"),
        (
            at("Ram", "UpdateAccessKey", json!({"UserName": "bob", "UserAccessKeyId": "LTAI1", "Status": "Active"})),
            "alibaba/account-security/access-key-updated",
        ),
        (
            at("Ram", "DeleteAccessKey", json!({"UserName": "bob", "UserAccessKeyId": "LTAI1"})),
            "alibaba/account-security/access-key-deleted",
        ),
        (at("Actiontrail", "UpdateTrail", json!({"Name": "t"})), "alibaba/permission-and-audit/trail-updated"),
        (at("Oss", "PutBucketAcl", json!({"bucketName": "b"})), "alibaba/permission-and-audit/bucket-acl-changed"),
        (
            at("Oss", "PutBucketLogging", json!({"bucketName": "b"})),
            "alibaba/permission-and-audit/bucket-logging-changed",
        ),
        (at("Sls", "DeleteLogstore", json!({"logstore": "l"})), "alibaba/permission-and-audit/logstore-deleted"),
        (
            at("Ram", "AttachPolicyToUser", policy("AliyunOSSReadOnlyAccess")),
            "alibaba/permission-and-audit/policy-attached-to-user",
        ),
        (
            at("Ram", "AttachPolicyToRole", policy("AdministratorAccess")),
            "alibaba/permission-and-audit/administrator-granted",
        ),
        (aws("iam", "CreateAccessKey", user()), "aws/account-security/access-key-created"),
        (
            aws("iam", "UpdateAccessKey", json!({"userName": "bob", "accessKeyId": "AKIA1", "status": "Active"})),
            "aws/account-security/access-key-updated",
        ),
        (
            aws("iam", "DeleteAccessKey", json!({"userName": "bob", "accessKeyId": "AKIA1"})),
            "aws/account-security/access-key-deleted",
        ),
        (aws("cloudtrail", "UpdateTrail", json!({"name": "t"})), "aws/permission-and-audit/trail-updated"),
        (aws("s3", "PutBucketAcl", json!({"bucketName": "b"})), "aws/permission-and-audit/bucket-acl-changed"),
        (aws("s3", "PutBucketLogging", json!({"bucketName": "b"})), "aws/permission-and-audit/bucket-logging-changed"),
        (aws("logs", "DeleteLogGroup", json!({"logGroupName": "l"})), "aws/permission-and-audit/log-group-deleted"),
        (
            aws("iam", "AttachUserPolicy", granted("arn:aws:iam::aws:policy/ReadOnlyAccess")),
            "aws/permission-and-audit/policy-attached-to-user",
        ),
        (
            aws("iam", "AttachRolePolicy", granted("arn:aws:iam::aws:policy/AdministratorAccess")),
            "aws/permission-and-audit/administrator-granted",
        ),
    ] {
        let fired = fired(&set, &program, &settings, &[event.to_string()]).unwrap();
        let files: Vec<&str> = fired
            .iter()
            .filter(|&&rule| set.reports(rule))
            .map(|&rule| set.rules()[rule].place.file.as_str())
            .collect();
        assert!(files.contains(&format!("{file}.yml").as_str()), "{file}: {files:?}\n{event}");
    }
    // What takes more than one field to tell is in these rules' own examples.
    for rule in [
        "alibaba/account-security/root-login-without-mfa",
        "alibaba/account-security/off-duty-login",
        "aws/account-security/root-login-without-mfa",
        "aws/account-security/login-outside-hours",
    ] {
        assert!(FILES.iter().any(|(name, _)| *name == format!("{rule}.yml")), "{rule}");
    }
    let clouds = |cloud: LogSource| {
        set.rules().iter().filter(|rule| rule.source() == Some(cloud) && rule.level > Severity::Informational).count()
    };
    assert!(LogSource::ALL.into_iter().all(|cloud| clouds(cloud) > 50));
}
