import { withAws } from '../aws.ts'
import { defineCommand } from '../command.ts'
import { checks } from '../doctor/checks/index.ts'
import { doctorConfigSchema, normalizeConfig } from '../doctor/config.ts'
import { runDeep } from '../doctor/deep/run-deep.ts'
import { stepIds } from '../doctor/deep/run-steps.ts'
import { processTerminal } from '../doctor/deep/sign-in.ts'
import { type Result, runChecks } from '../doctor/run-checks.ts'
import { exitCodes, UsageError } from '../errors.ts'
import { printable } from '../output.ts'

const DEFAULT_REQUESTS = 50
const MAX_REQUESTS = 1_000

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'checks what goes wrong first, and says what to do about it',
  details: `Holds the configuration against what is there, and tries each permission in a way that leaves nothing behind. It is done with
the credentials of whoever runs it: to check those of a role, take on the role. With API_URL and API_TOKEN it asks the api as well;
with PROCESSOR_FUNCTION it looks at the mapping of that Lambda function, and without it at the leases of the workers.
With --deep it then uploads files as a client of API_URL in every way that there is, measures the deployment, and deletes the files
again. The user is that of API_TOKEN, or HEADGATE_USERNAME with HEADGATE_PASSWORD, which a terminal is asked for.
Exits with 1 where any check fails. All checks, and the permissions that they need: docs/reference/doctor.md.`,
  options: {
    only: {
      type: 'string',
      multiple: true,
      value: 'CHECK',
      description: 'this check alone; can be given several times. With --deep a step as well',
    },
    deep: {
      type: 'boolean',
      description: 'uploads and deletes files of its own, measures, and prints a report for an issue',
    },
    requests: {
      type: 'string',
      value: 'N',
      description: `with --deep: small uploads to measure with, ${DEFAULT_REQUESTS} by default, ${MAX_REQUESTS} at most`,
    },
    small: { type: 'boolean', description: 'with --deep: leaves out the file of 65 MiB, for a slow line' },
  },
  config: doctorConfigSchema,
  async run({ options, config: given, env, output }) {
    const config = normalizeConfig(given)
    const { deep = false, small = false } = options
    if (!deep && (small || options.requests !== undefined)) throw new UsageError('--requests and --small need --deep.')
    const wanted = idsOf(options.only, deep)
    const requests = requestsOf(options.requests)
    const say = (result: Result) => output.item(result, textOf(result))
    const warn = (text: string) => void process.stderr.write(`${printable(text)}\n`)
    const check = async (token = config.API_TOKEN) => {
      const known = token === undefined ? config : { ...config, API_TOKEN: token }
      const some = checks.filter(({ id }) => wanted.includes(id))
      const results = await withAws(config, aws => runChecks(some, { config: known, aws, env, now: Date.now }))
      results.forEach(say)
      return results
    }
    const only = small ? wanted.filter(id => id !== 'grant-in-parts') : wanted
    const results = deep
      ? await runDeep({ config, only, requests, check, terminal: processTerminal(), say, warn, output })
      : await check()
    const failures = results.filter(({ status }) => status === 'failed').length
    const passed = results.filter(({ status }) => status === 'ok').length
    output.note(`\n${passed} ok, ${failures} failed, ${results.length - passed - failures} skipped`)
    return failures > 0 ? exitCodes.failed : exitCodes.done
  },
})

/** The checks and steps that are asked for. */
function idsOf(asked: readonly string[] | undefined, deep: boolean): readonly string[] {
  const all = [...checks.map(({ id }) => id), ...(deep ? stepIds : [])]
  const unknown = asked?.find(id => !all.includes(id))
  if (unknown === undefined) return asked ?? all
  const hint = stepIds.includes(unknown) ? ' It is a step of --deep.' : ''
  throw new UsageError(`There is no check '${unknown}'.${hint} There is: ${all.join(', ')}.`)
}

function requestsOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_REQUESTS
  const requests = Number(text)
  if (Number.isInteger(requests) && requests >= 1 && requests <= MAX_REQUESTS) return requests
  throw new UsageError(`--requests must be a whole number from 1 to ${MAX_REQUESTS}, and not '${text}'.`)
}

const SIGNS = { ok: 'ok     ', failed: 'FAILED ', skipped: '-      ' } as const

function textOf({ id, title, status, seen, advice }: Result): string {
  const head = `${SIGNS[status]} ${id.padEnd(17)} `
  if (advice === undefined) return `${head} ${seen}`
  return `${head} not so: ${title}\n          seen: ${seen}\n          do:   ${advice}`
}
