import { version } from '../../../platform/version.ts'
import type { DoctorConfig } from '../config.ts'
import type { Result } from '../run-checks.ts'
import type { Latency, Measurements } from './latency.ts'
import { withoutSecrets } from './redact.ts'
import type { StepsResult } from './run-steps.ts'

export interface ReportSettings {
  config: DoctorConfig
  token: string
  checks: readonly Result[]
  result: StepsResult
  now: number
}

/** Formats the results as Markdown for an issue. Secrets and names of the account and its resources are redacted. */
export function formatReport({ config, token, checks, result, now }: ReportSettings): string {
  const { steps, measured, left } = result
  const clean = (text: string) => withoutSecrets(text, config, token)
  const lines = [
    '## headgate doctor --deep',
    '',
    `- headgate ${version()}, Node ${process.versions.node} on ${process.platform} ${process.arch}`,
    `- ${config.AWS_REGION}, ${kindOf(config)}`,
    `- ${new Date(now).toISOString()}`,
    '',
    '| | check or step | seen |',
    '|---|---|---|',
    ...checks.map(check => row(check, clean)),
    ...steps.map(step => row(step, clean, ` (${step.ms} ms)`)),
    ...(measured === undefined ? [] : ['', ...latencyTable(measured)]),
    ...(left.length === 0 ? [] : ['', `${left.length} uploads could not be deleted.`]),
  ]
  return lines.join('\n')
}

function row({ id, status, seen, advice }: Result, clean: (text: string) => string, more = ''): string {
  const text = advice === undefined ? clean(seen) : `${clean(seen)} **Do:** ${clean(advice)}`
  return `| ${status} | \`${id}\` | ${text.replaceAll('|', '\\|').replaceAll(/[\r\n]+/g, ' ')}${more} |`
}

function latencyTable({ firstMs, atOnce, upload, read, processing }: Measurements): string[] {
  const cells = ({ count, p50, p99, max }: Latency) => [count, ...[p50, p99, max].map(Math.round)].join(' | ')
  return [
    '| ms | count | p50 | p99 | max |',
    '|---|---|---|---|---|',
    `| first request, a cold start after a pause | 1 | ${[firstMs, firstMs, firstMs].map(Math.round).join(' | ')} |`,
    `| ${atOnce.count} concurrent requests, cold starts on Lambda | ${cells(atOnce)} |`,
    `| \`POST /uploads\`, 1 KB | ${cells(upload)} |`,
    `| \`GET /uploads/{id}\` | ${cells(read)} |`,
    `| accepted to processed | ${cells(processing)} |`,
  ]
}

/** Describes the gateway and the kind of worker, as far as the configuration shows them. */
function kindOf({ API_URL = '', PROCESSOR_FUNCTION }: DoctorConfig): string {
  const { hostname, pathname } = new URL(API_URL)
  const gateway = !/\.execute-api\./.test(hostname)
    ? 'a custom domain or an address'
    : pathname === '/'
      ? 'an HTTP API'
      : 'a REST API'
  return `${gateway}, ${PROCESSOR_FUNCTION === undefined ? 'workers with leases' : 'a function with an event source mapping'}`
}
