#include "record_verbs.h"

#include "record.h"

namespace sluice::app {

void AddFilter(CLI::App& verb, FilterOptions& filter) {
  verb.add_option("--route", filter.route, "Of this route");
  verb.add_option("--upstream", filter.upstream, "That this upstream was asked for");
  verb.add_option("--method", filter.method, "With this method");
  verb.add_option("--host", filter.host, "For this host");
  verb.add_option("--path", filter.path, "Whose path begins so");
  verb.add_option("--status", filter.status, "Answered so: 503, 5xx, 500-504");
  verb.add_option("--since", filter.since, "Begun then or later: 2026-01-02T03:04:05Z");
  verb.add_option("--until", filter.until, "Begun before");
  verb.add_option("--slower-than", filter.slower_than, "That took at least so long: 100ms");
  verb.add_option("--text", filter.text, "With this text in heads or bodies");
  verb.add_option("--trace", filter.trace, "Of this trace: a request and the calls it caused");
  verb.add_option("--direction", filter.direction, "ingress or egress")
      ->check(CLI::IsMember({"ingress", "egress"}));
}

void AddRecord(CLI::App& app, RecordOptions& options, int& exit_code) {
  CLI::App* record = app.add_subcommand("record", "Look into recordings, bring them in and out");
  record->require_subcommand(1);
  const auto add = [record, &options](const char* name, const char* help) {
    CLI::App* verb = record->add_subcommand(name, help);
    verb->add_option("file", options.file, "The recording")->required();
    return verb;
  };
  CLI::App* list = add("ls", "List exchanges");
  AddFilter(*list, options.filter);
  list->add_option("--limit", options.limit, "At most so many");
  list->add_flag("--json", options.json, "For machines");
  list->callback([&options, &exit_code] { exit_code = RecordList(options); });

  CLI::App* show = add("show", "Show one exchange whole");
  show->add_option("id", options.id, "Its number in `ls`")->required();
  show->add_flag("--curl", options.as_curl, "As a command of curl");
  show->add_flag("--json", options.json, "As an entry of a HAR");
  show->callback([&options, &exit_code] { exit_code = RecordShow(options); });

  CLI::App* audit = add("audit", "Search for secrets that are not masked; 1 where there are some");
  AddFilter(*audit, options.filter);
  audit->add_flag("--json", options.json, "For machines");
  audit->callback([&options, &exit_code] { exit_code = RecordAudit(options); });

  CLI::App* out = add("export", "Write exchanges for other tools, or as a smaller recording");
  AddFilter(*out, options.filter);
  out->add_option("--format", options.format, "har, curl or sluice")
      ->check(CLI::IsMember({"har", "curl", "sluice"}))
      ->capture_default_str();
  out->add_option("--output,-o", options.output, "This file instead of stdout");
  out->add_option("--limit", options.limit, "At most so many");
  out->callback([&options, &exit_code] { exit_code = RecordExport(options); });

  CLI::App* in = add("import", "Read HAR and GoReplay files into a recording, masked");
  in->add_option("inputs", options.inputs, "Files to read")->required();
  in->add_option("--masking-key", options.masking_key, "File with the key of another recording");
  in->add_flag("--no-masking", options.no_masking, "Keep secrets: for test traffic only");
  in->callback([&options, &exit_code] { exit_code = RecordImport(options); });
}

}  // namespace sluice::app
