//! The cloud's services as plain data: names, hosts, versions and the things each of them manages.
//!
//! [`super::catalogue`] makes APIs from it; nothing here knows how often anything is called.

/// How a service names its APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// `DescribeThings`, `CreateThing`, `ModifyThingAttribute`, `DeleteThing`.
    Describe,
    /// `ListThings`, `GetThing`, `CreateThing`, `UpdateThing`, `DeleteThing`.
    List,
    /// `GetThing`, `PutThing`, `DeleteThing`, `ListThings`.
    Put,
}

/// One service.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) name: &'static str,
    /// What stands before the region in the name of its endpoint.
    pub(crate) host: &'static str,
    pub(crate) version: &'static str,
    pub(crate) style: Style,
    /// What it manages, the most used first.
    pub(crate) things: &'static [&'static str],
}

const fn service(
    name: &'static str,
    host: &'static str,
    version: &'static str,
    style: Style,
    things: &'static [&'static str],
) -> Service {
    Service { name, host, version, style, things }
}

/// Every service, the most used first.
#[rustfmt::skip]
pub(crate) const SERVICES: [Service; 38] = [
    service("Ecs", "ecs", "2014-05-26", Style::Describe, &["Instance", "Disk", "SecurityGroup", "Image", "Snapshot", "NetworkInterface", "KeyPair", "LaunchTemplate", "Command", "DedicatedHost", "AutoSnapshotPolicy", "DeploymentSet"]),
    service("Oss", "oss", "2019-05-17", Style::Put, &["Object", "Bucket", "BucketLifecycle", "BucketLogging", "BucketTags", "BucketCors", "BucketWebsite", "BucketEncryption", "LiveChannel"]),
    service("Sts", "sts", "2015-04-01", Style::Put, &[]),
    service("Log", "sls", "2020-12-30", Style::Put, &["LogStore", "Project", "Index", "MachineGroup", "Config", "Dashboard", "Alert", "SavedSearch", "ConsumerGroup"]),
    service("Rds", "rds", "2014-08-15", Style::Describe, &["DBInstance", "Database", "Account", "Backup", "SecurityIp", "Parameter", "SlowLog", "ReadOnlyDBInstance"]),
    service("Vpc", "vpc", "2016-04-28", Style::Describe, &["Vpc", "VSwitch", "EipAddress", "RouteTable", "NatGateway", "VpnGateway", "NetworkAcl", "RouteEntry", "SnatEntry", "CustomerGateway"]),
    service("Slb", "slb", "2014-05-15", Style::Describe, &["LoadBalancer", "Listener", "VServerGroup", "ServerCertificate", "AccessControlList", "Rule", "DomainExtension"]),
    service("Kms", "kms", "2016-01-20", Style::List, &["Key", "Secret", "Alias", "KeyVersion", "Certificate", "SecretVersion"]),
    service("Ram", "ram", "2015-05-01", Style::List, &["User", "Group", "Role", "Policy", "AccessKey", "VirtualMFADevice"]),
    service("Ims", "ims", "2019-08-15", Style::List, &["User", "Group", "AccessKey", "LoginProfile", "Application", "SAMLProvider", "OIDCProvider"]),
    service("Cms", "metrics", "2019-01-01", Style::Describe, &["MetricData", "Metric", "MonitorGroup", "AlertRule", "Contact", "SiteMonitor", "EventRule", "HostAvailability"]),
    service("Cs", "cs", "2015-12-15", Style::Describe, &["Cluster", "NodePool", "ClusterNode", "ClusterAddon", "KubeConfig", "Template", "Trigger"]),
    service("Cr", "cr", "2018-12-01", Style::List, &["Repository", "Namespace", "RepoTag", "Instance", "ChartRelease", "RepoBuildRule"]),
    service("Fc", "fc", "2023-03-30", Style::List, &["Function", "Service", "Alias", "Layer", "FunctionTrigger", "CustomDomain"]),
    service("Alidns", "alidns", "2015-01-09", Style::Describe, &["DomainRecord", "Domain", "DomainGroup", "DnsGtmInstance"]),
    service("Cdn", "cdn", "2018-05-10", Style::Describe, &["CdnDomain", "RefreshTask", "DomainConfig", "UsageData", "DomainCertificate"]),
    service("Redis", "r-kvstore", "2015-01-01", Style::Describe, &["Instance", "Account", "Backup", "Parameter", "SecurityIp"]),
    service("Polardb", "polardb", "2017-08-01", Style::Describe, &["DBCluster", "DBNode", "DBEndpoint", "Account", "Backup"]),
    service("Dds", "mongodb", "2015-12-01", Style::Describe, &["DBInstance", "Account", "Backup", "Parameter"]),
    service("Ess", "ess", "2022-02-22", Style::Describe, &["ScalingGroup", "ScalingRule", "ScalingConfiguration", "ScalingInstance", "ScheduledTask", "LifecycleHook"]),
    service("Ons", "ons", "2019-02-14", Style::Describe, &["Topic", "Instance", "Group", "Message"]),
    service("Alikafka", "alikafka", "2019-09-16", Style::List, &["Topic", "Instance", "ConsumerGroup", "SaslUser"]),
    service("Elasticsearch", "elasticsearch", "2017-06-13", Style::List, &["Instance", "Logstash", "Pipeline", "Snapshot"]),
    service("CloudAPI", "apigateway", "2016-07-14", Style::Describe, &["Api", "ApiGroup", "App", "Signature", "TrafficControl"]),
    service("Nas", "nas", "2017-06-26", Style::Describe, &["FileSystem", "MountTarget", "AccessGroup", "AccessRule", "AutoSnapshotTask"]),
    service("Ehpc", "ehpc", "2018-04-12", Style::List, &["Cluster", "Job", "Queue", "CloudMetric"]),
    service("ResourceManager", "resourcemanager", "2020-03-31", Style::List, &["ResourceGroup", "ResourceGroupMember", "Account", "Folder"]),
    service("Tag", "tag", "2018-08-28", Style::List, &["TagKey", "TagValue", "TagResource", "TagPolicy"]),
    service("Actiontrail", "actiontrail", "2020-07-06", Style::Describe, &["TrailEvent"]),
    service("Config", "config", "2020-09-07", Style::List, &["ConfigRule", "DiscoveredResource", "CompliancePack", "Aggregator"]),
    service("Cloudfw", "cloudfw", "2017-12-07", Style::Describe, &["ControlPolicy", "AddressBook", "AssetList", "RiskEvent"]),
    service("Waf", "wafopenapi", "2021-10-01", Style::Describe, &["Domain", "DefenseRule", "DefenseTemplate", "InstanceInfo"]),
    service("Sas", "tds", "2018-12-03", Style::Describe, &["SecurityEvent", "VulnerableMachine", "AlarmEvent", "CloudCenterInstance"]),
    service("Cbn", "cbn", "2017-09-12", Style::Describe, &["Cen", "TransitRouter", "CenAttachment", "CenRouteEntry"]),
    service("Ros", "ros", "2019-09-10", Style::List, &["Stack", "Template", "ChangeSet", "StackGroup"]),
    service("Oos", "oos", "2019-06-01", Style::List, &["Execution", "Template", "Parameter", "PatchBaseline"]),
    service("MaxCompute", "maxcompute", "2022-01-04", Style::List, &["Project", "Quota", "Table", "JobInfo"]),
    service("Dyvmsapi", "dyvmsapi", "2017-05-25", Style::Describe, &["CallDetail", "VoiceTemplate"]),
];

/// APIs that no pattern makes, or that somebody in this world needs by name: service, name, whether it changes something, and how
/// popular it is among everyday APIs (zero: only those call it to whom it is given).
#[rustfmt::skip]
pub(crate) const NAMED: [(&str, &str, bool, f64); 46] = [
    ("Sts", "AssumeRole", true, 30.0), ("Sts", "GetCallerIdentity", false, 12.0), ("Sts", "AssumeRoleWithOIDC", true, 8.0),
    ("Kms", "Decrypt", false, 25.0), ("Kms", "GenerateDataKey", false, 12.0), ("Kms", "Encrypt", false, 6.0),
    ("Kms", "GetSecretValue", false, 14.0), ("Log", "GetLogs", false, 25.0), ("Log", "PostLogStoreLogs", true, 20.0),
    ("Log", "GetHistograms", false, 6.0), ("Cms", "DescribeMetricList", false, 30.0), ("Cms", "DescribeMetricLast", false, 18.0),
    ("Cms", "PutCustomMetric", true, 6.0), ("Ecs", "StartInstance", true, 1.5), ("Ecs", "StopInstance", true, 1.5),
    ("Ecs", "RebootInstance", true, 0.8), ("Ecs", "RunInstances", true, 2.0), ("Ecs", "RunCommand", true, 1.0),
    ("Ecs", "DescribeInstanceStatus", false, 20.0), ("Ecs", "AuthorizeSecurityGroup", true, 0.7),
    ("Ecs", "RevokeSecurityGroup", true, 0.4), ("Cr", "GetAuthorizationToken", false, 12.0), ("Fc", "InvokeFunction", true, 15.0),
    ("Tag", "TagResources", true, 1.5), ("Actiontrail", "LookupEvents", false, 2.0), ("Actiontrail", "DescribeTrails", false, 1.0),
    ("Actiontrail", "GetTrailStatus", false, 1.0), ("AasSub", "ConsoleSignin", true, 0.0), ("AasCustomer", "ConsoleSignin", true, 0.0),
    ("Ram", "AttachPolicyToUser", true, 0.0), ("Ram", "DetachPolicyFromUser", true, 0.0), ("Ram", "AttachPolicyToRole", true, 0.0),
    ("Ram", "DetachPolicyFromRole", true, 0.0), ("Ram", "CreatePolicyVersion", true, 0.0),
    ("Ram", "SetDefaultPolicyVersion", true, 0.0), ("Ram", "AddUserToGroup", true, 0.0), ("Ram", "RemoveUserFromGroup", true, 0.0),
    ("Ram", "ChangePassword", true, 0.0), ("Ims", "UpdateLoginProfile", true, 0.0), ("Ims", "CreateLoginProfile", true, 0.0),
    ("Ims", "DeleteLoginProfile", true, 0.0), ("Actiontrail", "StopLogging", true, 0.0), ("Actiontrail", "StartLogging", true, 0.0),
    ("Actiontrail", "DeleteTrail", true, 0.0), ("Actiontrail", "UpdateTrail", true, 0.0), ("Oss", "ListBuckets", false, 3.0),
];

/// APIs that the patterns would make but that count as permission, password or trail changes: everyday actors must not call them.
pub(crate) const RESERVED: [(&str, &[&str]); 3] = [
    ("Ram", &["CreatePolicy", "DeletePolicy", "UpdatePolicy", "CreateRole", "UpdateRole", "DeleteRole"]),
    (
        "Ims",
        &[
            "CreateLoginProfile",
            "UpdateLoginProfile",
            "DeleteLoginProfile",
            "CreateSAMLProvider",
            "UpdateSAMLProvider",
            "CreateOIDCProvider",
        ],
    ),
    ("Log", &["DeleteProject", "DeleteLogStore"]),
];

/// Error codes with their messages.
pub(crate) const ERRORS: [(&str, &str); 10] = [
    ("Forbidden.RAM", "User not authorized to operate on the specified resource, or this API doesn't support RAM."),
    ("NoPermission", "You are not authorized to do this action."),
    ("Throttling.User", "Request was denied due to user flow control."),
    ("InvalidParameter", "The specified parameter is not valid."),
    ("EntityNotExist", "The specified entity does not exist."),
    ("IncorrectInstanceStatus", "The current status of the resource does not support this operation."),
    ("QuotaExceeded", "The maximum number of resources is exceeded."),
    ("ServiceUnavailable", "The request has failed due to a temporary failure of the server."),
    ("InvalidAccessKeyId.NotFound", "Specified access key is not found."),
    ("Authentication.Failed", "Incorrect password."),
];

/// Regions, the most used first.
pub(crate) const REGIONS: [&str; 6] =
    ["cn-hangzhou", "cn-shanghai", "cn-beijing", "ap-southeast-1", "cn-shenzhen", "eu-central-1"];
