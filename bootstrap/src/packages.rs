//! Which command line brings what is missing. It decides only: the machine's facts are arguments.

use crate::invocation::Invocation;
use crate::requirements::Requirement;

/// A system's way to install packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installer {
    /// Debian, Ubuntu.
    Apt,
    /// Fedora, RHEL.
    Dnf,
    /// Arch.
    Pacman,
    /// openSUSE.
    Zypper,
    /// Alpine.
    Apk,
    /// macOS.
    Brew,
}

/// What this process may do to the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// It is root.
    Root,
    /// `sudo -n true` succeeds: sudo asks for no password.
    Sudo,
    /// Neither.
    Nobody,
}

/// What to do about missing requirements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Run these, one after the other, without asking anyone for a password.
    Install(Vec<Invocation>),
    /// This process may not: the line for a person to type.
    Type(String),
    /// No package manager is known here; these names must be found by hand.
    ByHand(String),
}

impl Installer {
    /// All of them, in the order they are looked for. Homebrew is last: it also exists on Linux.
    pub const ALL: [Self; 6] = [
        Self::Apt,
        Self::Dnf,
        Self::Pacman,
        Self::Zypper,
        Self::Apk,
        Self::Brew,
    ];

    /// The program's name.
    pub fn program(self) -> &'static str {
        match self {
            Self::Apt => "apt-get",
            Self::Dnf => "dnf",
            Self::Pacman => "pacman",
            Self::Zypper => "zypper",
            Self::Apk => "apk",
            Self::Brew => "brew",
        }
    }

    fn package(self, requirement: Requirement) -> &'static str {
        match (requirement, self) {
            (Requirement::Cmake, _) => "cmake",
            (Requirement::Make, _) => "make",
            (Requirement::Cxx, Self::Apt | Self::Apk) => "g++",
            (Requirement::Cxx, Self::Dnf | Self::Zypper) => "gcc-c++",
            (Requirement::Cxx, Self::Pacman) => "gcc",
            (Requirement::Cxx, Self::Brew) => "llvm",
            (Requirement::Libclang, Self::Apt) => "libclang-dev",
            (Requirement::Libclang, Self::Dnf | Self::Zypper) => "clang-devel",
            (Requirement::Libclang, Self::Pacman) => "clang",
            (Requirement::Libclang, Self::Apk) => "clang-dev",
            (Requirement::Libclang, Self::Brew) => "llvm",
            (Requirement::Python, Self::Pacman) => "python",
            (Requirement::Python, _) => "python3",
            (Requirement::Strace, _) => "strace",
            (Requirement::Iproute, Self::Apt) => "iproute2",
            (Requirement::Iproute, _) => "iproute",
            (Requirement::Nftables, _) => "nftables",
            (Requirement::Tcpdump, _) => "tcpdump",
            (Requirement::Etcd, Self::Apt) => "etcd-server",
            (Requirement::Etcd, _) => "etcd",
        }
    }

    fn lines(self, missing: &[Requirement]) -> Vec<String> {
        let mut packages: Vec<&str> = missing.iter().map(|need| self.package(*need)).collect();
        packages.dedup();
        let packages = packages.join(" ");
        match self {
            // A fresh container has no package lists at all.
            Self::Apt => vec![
                "apt-get update".to_owned(),
                format!("apt-get install -y --no-install-recommends {packages}"),
            ],
            Self::Dnf => vec![format!("dnf install -y {packages}")],
            Self::Pacman => vec![format!("pacman -Sy --needed --noconfirm {packages}")],
            Self::Zypper => vec![format!("zypper --non-interactive install {packages}")],
            Self::Apk => vec![format!("apk add {packages}")],
            Self::Brew => vec![format!("brew install {packages}")],
        }
    }
}

/// What to do about `missing`, given the package manager and what may be done with it.
pub fn plan(installer: Option<Installer>, privilege: Privilege, missing: &[Requirement]) -> Plan {
    let Some(installer) = installer else {
        let names: Vec<&str> = missing.iter().map(|need| need.name()).collect();
        return Plan::ByHand(names.join(", "));
    };
    let lines = installer.lines(missing);
    let prefixed = |prefix: &str| -> Vec<String> {
        lines.iter().map(|line| format!("{prefix}{line}")).collect()
    };
    let install = |lines: Vec<String>| {
        Plan::Install(lines.iter().map(|line| Invocation::words(line)).collect())
    };
    match (installer, privilege) {
        // Homebrew belongs to its user and refuses to run as root.
        (Installer::Brew, Privilege::Root) => Plan::Type(lines.join(" && ")),
        (Installer::Brew, _) | (_, Privilege::Root) => install(lines),
        (_, Privilege::Sudo) => install(prefixed("sudo -n ")),
        (_, Privilege::Nobody) => Plan::Type(prefixed("sudo ").join(" && ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(installer: Installer, privilege: Privilege, missing: &[Requirement]) -> String {
        match plan(Some(installer), privilege, missing) {
            Plan::Install(commands) => commands
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; "),
            Plan::Type(line) => format!("type: {line}"),
            Plan::ByHand(names) => format!("by hand: {names}"),
        }
    }

    #[test]
    fn each_system_has_its_own_line_for_everything() {
        let table = [
            (
                Installer::Apt,
                "apt-get update; apt-get install -y --no-install-recommends \
                 cmake make g++ libclang-dev",
            ),
            (
                Installer::Dnf,
                "dnf install -y cmake make gcc-c++ clang-devel",
            ),
            (
                Installer::Pacman,
                "pacman -Sy --needed --noconfirm cmake make gcc clang",
            ),
            (
                Installer::Zypper,
                "zypper --non-interactive install cmake make gcc-c++ clang-devel",
            ),
            (Installer::Apk, "apk add cmake make g++ clang-dev"),
            (Installer::Brew, "type: brew install cmake make llvm"),
        ];
        for (installer, expected) in table {
            assert_eq!(
                shown(installer, Privilege::Root, &Requirement::BUILD),
                expected
            );
        }
    }

    #[test]
    fn privilege_decides_who_runs_the_line() {
        let missing = [Requirement::Libclang];
        let apt = "apt-get install -y --no-install-recommends libclang-dev";
        let table = [
            (
                Installer::Apt,
                Privilege::Root,
                format!("apt-get update; {apt}"),
            ),
            (
                Installer::Apt,
                Privilege::Sudo,
                format!("sudo -n apt-get update; sudo -n {apt}"),
            ),
            (
                Installer::Apt,
                Privilege::Nobody,
                format!("type: sudo apt-get update && sudo {apt}"),
            ),
            (
                Installer::Dnf,
                Privilege::Nobody,
                "type: sudo dnf install -y clang-devel".to_owned(),
            ),
            (
                Installer::Brew,
                Privilege::Nobody,
                "brew install llvm".to_owned(),
            ),
            (
                Installer::Brew,
                Privilege::Sudo,
                "brew install llvm".to_owned(),
            ),
            (
                Installer::Brew,
                Privilege::Root,
                "type: brew install llvm".to_owned(),
            ),
        ];
        for (installer, privilege, expected) in table {
            assert_eq!(shown(installer, privilege, &missing), expected);
        }
    }

    #[test]
    fn without_a_known_package_manager_the_names_are_told() {
        let missing = [Requirement::Cmake, Requirement::Libclang];
        assert_eq!(
            plan(None, Privilege::Root, &missing),
            Plan::ByHand("cmake, libclang".to_owned())
        );
    }
}
