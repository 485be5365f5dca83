#!/bin/sh
# The tests of training elsewhere need OpenSSH's server (they start one of their own, on loopback), and shellcheck reads
# our scripts. Installs Debian's in a container; on a machine where that would start a service, those tests skip and say so.
set -u
sshd=$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v sshd)
if [ -n "$sshd" ] && command -v shellcheck >/dev/null 2>&1; then
    exit 0
fi
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ] && [ ! -d /run/systemd/system ]; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends openssh-client openssh-server shellcheck >/dev/null && exit 0
fi
echo "OpenSSH's server or shellcheck is not installed; the tests that need them will skip." >&2
