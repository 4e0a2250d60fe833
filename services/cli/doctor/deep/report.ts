import { version } from '../../version.ts'
import type { DoctorConfig } from '../config.ts'
import type { Result } from '../run-checks.ts'
import type { Latency, Measured } from './latency.ts'
import type { Walk } from './run-deep.ts'

export interface ReportSettings {
  config: DoctorConfig
  token: string
  checks: readonly Result[]
  walk: Walk
  now: number
}

/** The walk as Markdown, to be pasted into an issue. What names the account or lets somebody in is left out. */
export function reportOf({ config, token, checks, walk, now }: ReportSettings): string {
  const { steps, measured, left } = walk
  const lines = [
    '## headgate doctor --deep',
    '',
    `- headgate ${version()}, Node ${process.versions.node} on ${process.platform} ${process.arch}`,
    `- ${config.AWS_REGION}, ${kindOf(config)}`,
    `- ${new Date(now).toISOString()}`,
    '',
    '| | check or step | seen |',
    '|---|---|---|',
    ...checks.map(check => row(check)),
    ...steps.map(step => row(step, ` (${step.ms} ms)`)),
    ...(measured === undefined ? [] : ['', ...latencyTable(measured)]),
    ...(left.length === 0 ? [] : ['', `${left.length} uploads could not be deleted.`]),
  ]
  return withoutSecrets(lines.join('\n'), config, token)
}

function row({ id, status, seen, advice }: Result, more = ''): string {
  const text = advice === undefined ? seen : `${seen} **Do:** ${advice}`
  return `| ${status} | \`${id}\` | ${text.replaceAll('|', '\\|').replaceAll('\n', ' ')}${more} |`
}

function latencyTable({ firstMs, atOnce, upload, read, processing }: Measured): string[] {
  const cells = ({ count, p50, p99, max }: Latency) => [count, ...[p50, p99, max].map(Math.round)].join(' | ')
  return [
    '| ms | count | p50 | p99 | max |',
    '|---|---|---|---|---|',
    `| first request, a cold start after a pause | 1 | ${[firstMs, firstMs, firstMs].map(Math.round).join(' | ')} |`,
    `| ${atOnce.count} requests at once, cold starts on Lambda | ${cells(atOnce)} |`,
    `| \`POST /uploads\`, 1 KB | ${cells(upload)} |`,
    `| \`GET /uploads/{id}\` | ${cells(read)} |`,
    `| accepted to processed | ${cells(processing)} |`,
  ]
}

/** What is in front of the api and what runs it, as far as it shows. */
function kindOf({ API_URL = '', PROCESSOR_FUNCTION }: DoctorConfig): string {
  const { hostname, pathname } = new URL(API_URL)
  const gateway = !/\.execute-api\./.test(hostname)
    ? 'a domain or an address of its own'
    : pathname === '/'
      ? 'an HTTP API'
      : 'a REST API'
  return `${gateway}, ${PROCESSOR_FUNCTION === undefined ? 'workers with leases' : 'a function behind an event source mapping'}`
}

/** The variables whose values name the account, its resources or its users. */
const PRIVATE = [
  'UPLOAD_BUCKET',
  'PROCESSED_BUCKET',
  'STREAM_NAME',
  'UPLOADS_TABLE',
  'APPLICATION_NAME',
  'COGNITO_USER_POOL_ID',
  'COGNITO_CLIENT_ID',
  'PROCESSOR_FUNCTION',
  'HEADGATE_USERNAME',
  'HEADGATE_PASSWORD',
  'API_URL',
] as const satisfies ReadonlyArray<keyof DoctorConfig>

const PATTERNS: ReadonlyArray<readonly [RegExp, string]> = [
  // A presigned URL is a permission for as long as it is valid.
  [/([?&][^\s|]*)?X-Amz-[^\s|]*/gi, '?(presigned)'],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, '(token)'],
  [/\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b/g, '(key id)'],
  [/\b[\w.+-]+@[\w-]+\.[\w.-]+\b/g, '(address)'],
  [/\b\d{12}\b/g, '(account)'],
  [/:(assumed-role|role|user)\/[\w+=,.@/-]+/g, ':$1/(name)'],
  [/\b[a-z0-9]{8,12}\.execute-api\./g, '(api).execute-api.'],
]

/** Replaces what must not be in an issue. Each value that was given by a variable becomes the name of the variable. */
export function withoutSecrets(text: string, config: DoctorConfig, token: string): string {
  const named = PRIVATE.flatMap(name => (config[name] === undefined ? [] : [[config[name], `(${name})`] as const]))
  const longestFirst = [[token, '(token)'] as const, ...named].toSorted(([a], [b]) => b.length - a.length)
  const clean = longestFirst.reduce((seen, [value, name]) => seen.replaceAll(value, name), text)
  return PATTERNS.reduce((seen, [pattern, name]) => seen.replaceAll(pattern, name), clean)
}
