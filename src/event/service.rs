//! The name of the service that was called.
//!
//! The clouds spell it in several ways: with another case (`Rds`, `RDS`), or as the host that answered (`iam.amazonaws.com`,
//! `ecs.cn-hangzhou.aliyuncs.com`). Names are compared without case and shown as first seen.

use std::borrow::Cow;

/// The service's name as it is shown: a cloud's own host name is cut to the part that names the service.
pub fn service_name(text: &str) -> &str {
    let cut = |host: &str| host.split_once('.').map_or(0, |(name, _)| name.len());
    if let Some(name) = text.strip_suffix(".amazonaws.com") {
        return name;
    }
    if text.ends_with(".aliyuncs.com") { &text[..cut(text)] } else { text }
}

/// The form in which service names are compared.
pub fn fold_service(name: &str) -> Cow<'_, str> {
    if name.chars().any(char::is_uppercase) { Cow::Owned(name.to_lowercase()) } else { Cow::Borrowed(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_cut_to_the_service() {
        assert_eq!(service_name("iam.amazonaws.com"), "iam");
        assert_eq!(service_name("ecs.cn-hangzhou.aliyuncs.com"), "ecs");
        assert_eq!(service_name("signin.aliyun.com"), "signin.aliyun.com");
        assert_eq!(service_name("Ecs"), "Ecs");
    }

    #[test]
    fn case_does_not_count() {
        assert_eq!(fold_service("RDS"), fold_service("Rds"));
        assert_eq!(fold_service("aegis"), "aegis");
    }
}
