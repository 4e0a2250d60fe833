import path from 'node:path'
import type { Test } from 'tap'
import { runProgram } from '../../support/processes.ts'
import { type Credentials, REGION, root } from '../support/call.ts'
import type { Deployment } from './deployment.ts'

/** A line of `headgate doctor --json`. */
export interface Finding {
  id: string
  status: 'ok' | 'failed' | 'skipped'
  seen: string
  advice?: string
}

export interface Examination {
  code: number | null
  findings: Finding[]
  /** The last line of `--deep`. */
  report: string
  stderr: string
}

export interface ExamineSettings {
  args?: readonly string[]
  /**
   * The credentials of the doctor.
   * @default those of the account's root
   */
  credentials?: Credentials
  apiUrl?: string
  env?: Readonly<Record<string, string>>
}

/**
 * Runs the image's `headgate doctor` against a deployment, with the variables that docs/how-to/deploy.md tells
 * operators to export.
 */
export async function examine(
  t: Pick<Test, 'teardown'>,
  { aws, proxies, app, outputs, users, apiUrl, processor }: Deployment,
  settings: ExamineSettings = {},
): Promise<Examination> {
  const { args = [], credentials = root, env = {} } = settings
  const program = runProgram(t, [path.join(app, 'dist/services/cli/headgate.js'), 'doctor', '--json', ...args], {
    env: {
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_SESSION_TOKEN: credentials.sessionToken ?? '',
      // Not through the proxies: requests of the doctor that are denied must not count as denied requests of the
      // deployment.
      AWS_ENDPOINT_URL: aws.url,
      NODE_OPTIONS: proxies.env.NODE_OPTIONS ?? '',
      HEADGATE_TEST_ISSUER_URL: proxies.env.HEADGATE_TEST_ISSUER_URL ?? '',
      UPLOAD_BUCKET: outputs.UploadBucket ?? '',
      PROCESSED_BUCKET: outputs.ProcessedBucket ?? '',
      COGNITO_USER_POOL_ID: outputs.UserPoolId ?? '',
      COGNITO_CLIENT_ID: outputs.UserPoolClientId ?? '',
      ...(processor !== undefined && { PROCESSOR_FUNCTION: processor }),
      API_URL: settings.apiUrl ?? apiUrl,
      HEADGATE_USERNAME: users.demo.username,
      HEADGATE_PASSWORD: users.demo.password,
      ...env,
    },
  })
  const { code } = await program.ended
  const lines = program
    .stdout()
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line) as Finding & { report?: string })
  return {
    code,
    findings: lines.filter(({ report }) => report === undefined).map(asOnAws),
    report: lines.find(({ report }) => report !== undefined)?.report ?? '',
    stderr: program.stderr(),
  }
}

/** True to run every combination of gateway and preset, with the whole scenario, which takes long. */
export const isWhole = process.env.HEADGATE_DEPLOYED === 'all'

/**
 * ministack stores a record whose hash key is in no shard. AWS rejects it, which tells the check that it may put
 * records.
 */
const STORED_ANYWHERE = 'a record that no shard is for was put'

/** Returns the findings, without those that known differences of ministack cause. */
function asOnAws(finding: Finding): Finding {
  if (finding.id !== 'put-record' || finding.seen !== STORED_ANYWHERE) return finding
  return { id: finding.id, status: 'ok', seen: 'on ministack: the record was stored, and so it is allowed' }
}

/** Returns the findings that are not ok, as text. */
export function failures({ findings, stderr }: Examination): string[] {
  const failed = findings.filter(({ status }) => status === 'failed')
  const lines = failed.map(({ id, seen, advice }) => `${id}: ${seen} ${advice}`)
  return findings.length === 0 ? [`the doctor found nothing: ${stderr}`] : lines
}

/** Returns the calls of the deployment that IAM denied. */
export function denials({ proxies }: Deployment): string[] {
  return proxies
    .refusals()
    .filter(({ status, body }) => status === 403 || /AccessDenied|not authorized/i.test(body))
    .map(
      ({ service, method, path: at, target, body }) =>
        `${service} ${target || `${method} ${at.split('?')[0]}`}: ${body}`,
    )
}
