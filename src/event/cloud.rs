//! Which cloud an event is of, by what names its cloud or the service that answered.

/// The word of the column `cloud` for a provider's name (`AWS`) or a service's host (`iam.amazonaws.com`); `None` of others.
pub fn cloud_of(text: &str) -> Option<&'static str> {
    let text = text.trim().to_ascii_lowercase();
    let is_of = |words: &[&str], hosts: &[&str]| {
        words.contains(&text.as_str()) || hosts.iter().any(|host| text.ends_with(host))
    };
    if is_of(&["aws", "amazon web services"], &[".amazonaws.com", ".amazonaws.com.cn"]) {
        Some("aws")
    } else if is_of(&["alibaba", "alibaba cloud", "aliyun"], &[".aliyuncs.com", ".aliyun.com"]) {
        Some("alibaba")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_and_hosts_tell_the_cloud() {
        assert_eq!(["AWS", "iam.amazonaws.com"].map(cloud_of), [Some("aws"); 2]);
        assert_eq!(
            ["Alibaba Cloud", "ecs.cn-hangzhou.aliyuncs.com", "signin.aliyun.com"].map(cloud_of),
            [Some("alibaba"); 3]
        );
        assert_eq!(["", "Ecs", "amazonaws.com.example.org"].map(cloud_of), [None; 3]);
    }
}
