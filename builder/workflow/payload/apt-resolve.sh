#!/bin/sh
# Runs in a base, without a network: the base's own apt checks the indexes that the host fetched, and says which
# packages it would add. Nothing is installed. What it says is left in files, and judged by the host.
#   $1 folder with archives/ and sources; $2 folder for the answer; $3 architecture; then the packages
set -eu
given=$1 out=$2 architecture=$3
shift 3
export LC_ALL=C TMPDIR=/tmp
state=/tmp/apt
mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/log" "$state/none"
cat > "$state/conf" << END
Dir::State::lists "$state/lists";
Dir::Cache "$state/cache";
Dir::Log "$state/log";
Dir::Etc::sourcelist "$given/base.sources";
Dir::Etc::sourceparts "$state/none";
Debug::NoLocking "1";
APT::Architecture "$architecture";
APT::Update::Error-Mode "any";
APT::Get::AllowUnauthenticated "false";
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Get::Assume-Yes "true";
APT::Get::AutomaticRemove "false";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false";
Acquire::Languages "none";
Acquire::GzipIndexes "false";
Acquire::ForceHash "SHA256";
#clear APT::Architectures;
APT::Architectures { "$architecture"; };
END
# Read after the base's own configuration, so that nothing in there can turn a check off.
apt() {
    program=$1
    shift
    "$program" -c "$state/conf" "$@"
}

echo update > "$out/stage"
apt apt-get update > "$out/update" 2>&1 || exit 0
apt apt-get indextargets --format '$(TRUSTED)|$(RELEASE)|$(SUITE)|$(CODENAME)|$(URI)' \
    'Created-By: Packages' > "$out/trusted"
dpkg-query -W -f '${db:Status-Abbrev}|${Package}\n' | sed -n 's/^ii *|//p' > "$out/installed"

echo known > "$out/stage"
apt apt-cache pkgnames | sort -u > "$out/known"
for package in "$@"; do
    grep -q -x -F -e "$package" "$out/known" || exit 0
done

echo simulate > "$out/stage"
apt apt-get -s -q install "$@" > "$out/simulate" 2>&1 || exit 0
apt apt-get -qq --print-uris install "$@" > "$out/uris" 2> "$out/simulate.more" || {
    cat "$out/simulate.more" >> "$out/simulate"
    exit 0
}
echo done > "$out/stage"
