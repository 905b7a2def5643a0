/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands - the table of the commands of croze.
 */
#include "builder/cli/commands.h"

#include "builder/cli/build_flags.h"

const struct command command_table[] = {
	{
	    .name = "build",
	    .aliases = "b bud",
	    .arguments = "[OPTIONS] [DIR | URL | -]",
	    .summary = "build an image from a Dockerfile",
	    .examples = "croze build -t app .\n"
			"croze build --target test --progress=plain .\n"
			"croze build -t app -o app.tar --timestamp 0 .",
	    .options = build_option_table,
	    .run = build_main,
	},
	{
	    .name = "check",
	    .aliases = "lint",
	    .arguments = "[OPTIONS] [DIR]",
	    .summary = "check a Dockerfile and build nothing",
	    .examples = "croze check .\n"
			"croze check --format sarif . >croze.sarif\n"
			"croze check --rules",
	    .options = check_option_table,
	    .run = check_main,
	},
	{
	    .name = "outline",
	    .arguments = "[OPTIONS] [DIR]",
	    .summary = "show what a build can be given",
	    .options = outline_option_table,
	    .run = outline_main,
	},
	{
	    .name = "targets",
	    .arguments = "[OPTIONS] [DIR]",
	    .summary = "list the stages of a Dockerfile",
	    .options = outline_option_table,
	    .run = targets_main,
	},
	{
	    .name = "dump",
	    .arguments = "[OPTIONS] [DIR]",
	    .summary = "print a parsed Dockerfile as JSON",
	    .options = dump_option_table,
	    .run = dump_main,
	},
	{
	    .name = "run",
	    .arguments = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
	    .summary = "run a command in an image",
	    .examples = "croze run -it --rm app sh\n"
			"croze run --rm -v \"$PWD:/work\" -w /work app make\n"
			"croze run --rm --entrypoint '' app ls -la /",
	    .options = run_option_table,
	    .options_first = true,
	    .run = run_main,
	},
	{
	    .name = "images",
	    .aliases = "ls",
	    .arguments = "[OPTIONS] [NAME]",
	    .summary = "list images",
	    .options = images_option_table,
	    .run = images_main,
	},
	{
	    .name = "inspect",
	    .arguments = "[OPTIONS] IMAGE...",
	    .summary = "show all that is known of images, as JSON",
	    .options = inspect_option_table,
	    .run = inspect_main,
	},
	{
	    .name = "history",
	    .arguments = "[OPTIONS] IMAGE",
	    .summary = "show how an image was made",
	    .options = history_option_table,
	    .run = history_main,
	},
	{
	    .name = "sbom",
	    .arguments = "[OPTIONS] IMAGE",
	    .summary = "list the software that an image holds",
	    .examples = "croze sbom app\n"
			"croze sbom --format spdx-json -o app.spdx.json app\n"
			"croze sbom --format cyclonedx-json oci-archive:app.tar",
	    .options = sbom_option_table,
	    .run = sbom_main,
	},
	{
	    .name = "tag",
	    .arguments = "SOURCE TARGET",
	    .summary = "give an image another name",
	    .options = root_option_table,
	    .run = tag_main,
	},
	{
	    .name = "rmi",
	    .arguments = "[OPTIONS] IMAGE...",
	    .summary = "remove names of images",
	    .options = rmi_option_table,
	    .run = rmi_main,
	},
	{
	    .name = "load",
	    .arguments = "[OPTIONS]",
	    .summary = "take images from an archive",
	    .examples = "croze load -i app.tar\ndocker save app | croze load",
	    .options = load_option_table,
	    .run = load_main,
	},
	{
	    .name = "save",
	    .arguments = "[OPTIONS] IMAGE...",
	    .summary = "write images to an archive",
	    .examples = "croze save -o app.tar app\ncroze save app | docker load",
	    .options = save_option_table,
	    .run = save_main,
	},
	{
	    .name = "import",
	    .arguments = "[OPTIONS] PATH...",
	    .summary = "take all images from an OCI layout",
	    .options = import_option_table,
	    .run = import_main,
	},
	{
	    .name = "pull",
	    .arguments = "[OPTIONS] NAME...",
	    .summary = "bring images from registries",
	    .examples = "croze pull alpine:3.19\n"
			"croze pull --all-platforms registry.example/team/app:1.4",
	    .options = pull_option_table,
	    .run = pull_main,
	},
	{
	    .name = "push",
	    .arguments = "[OPTIONS] IMAGE [NAME]",
	    .summary = "send an image to a registry",
	    .examples = "croze push registry.example/team/app:1.4\n"
			"croze push app docker://registry.example/team/app:1.4",
	    .options = push_option_table,
	    .run = push_main,
	},
	{
	    .name = "copy",
	    .arguments = "[OPTIONS] SOURCE DESTINATION",
	    .summary = "copy an image between registries, layouts, archives and the store",
	    .examples =
		"croze copy --all docker://alpine:3.19 docker://registry.example/alpine:3.19\n"
		"croze copy docker://alpine:3.19 oci:layout:alpine\n"
		"croze copy docker-archive:app.tar app",
	    .options = copy_option_table,
	    .run = copy_main,
	},
	{
	    .name = "index",
	    .aliases = "manifest imagetools",
	    .arguments = "create|inspect|annotate [OPTIONS] NAME [IMAGE...]",
	    .summary = "one name for the images of several platforms",
	    .examples = "croze index create --push registry.example/app:1.4 app:amd64 app:arm64\n"
			"croze index inspect docker://alpine:3.19\n"
			"croze index annotate app:1.4 linux/arm --platform linux/arm/v6",
	    .options = index_option_table,
	    .run = index_main,
	},
	{
	    .name = "login",
	    .arguments = "[OPTIONS] [REGISTRY]",
	    .summary = "keep the password for a registry",
	    .examples = "croze login --username me --password-stdin registry.example <token",
	    .options = login_option_table,
	    .run = login_main,
	},
	{
	    .name = "logout",
	    .arguments = "[OPTIONS] [REGISTRY]",
	    .summary = "forget the password for a registry",
	    .options = logout_option_table,
	    .run = logout_main,
	},
	{
	    .name = "prune",
	    .arguments = "[OPTIONS]",
	    .summary = "remove what nothing needs",
	    .examples = "croze prune --filter until=168h\ncroze prune --keep-storage 10g",
	    .options = prune_option_table,
	    .run = prune_main,
	},
	{
	    .name = "cache",
	    .arguments = "ls|du|prune|export|import [OPTIONS] [ID]",
	    .summary = "cache mounts of RUN --mount=type=cache",
	    .examples = "croze cache ls\n"
			"croze cache prune --until 168h\n"
			"croze cache export /root/.m2 -o m2.tar.gz\n"
			"croze cache import /root/.m2 -i m2.tar.gz",
	    .options = cache_option_table,
	    .run = cache_main,
	},
	{
	    .name = "store",
	    .arguments = "check|usage|reset [OPTIONS]",
	    .summary = "check the store, what it takes, or empty it",
	    .options = store_option_table,
	    .run = store_main,
	},
	{
	    .name = "doctor",
	    .aliases = "info",
	    .arguments = "[OPTIONS]",
	    .summary = "try what this host lets croze do",
	    .options = doctor_option_table,
	    .run = doctor_main,
	},
	{
	    .name = "completion",
	    .arguments = "bash",
	    .summary = "print a script that completes words",
	    .examples = "source <(croze completion bash)",
	    .run = completion_main,
	},
	{
	    .name = "version",
	    .arguments = "",
	    .summary = "print the version",
	    .run = version_main,
	},
	{ 0 },
};
