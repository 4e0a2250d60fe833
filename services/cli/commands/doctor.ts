import { didYouMean } from '../../platform/did-you-mean.ts'
import { withAws } from '../aws.ts'
import { defineCommand } from '../command.ts'
import { checks } from '../doctor/checks/index.ts'
import { doctorConfigSchema, normalizeConfig } from '../doctor/config.ts'
import { runDeep } from '../doctor/deep/run-deep.ts'
import { stepIds } from '../doctor/deep/run-steps.ts'
import { type Result, runChecks } from '../doctor/run-checks.ts'
import { exitCodes, UsageError } from '../errors.ts'
import { printable } from '../output.ts'
import { processTerminal } from '../terminal.ts'

const DEFAULT_REQUESTS = 50
const MAX_REQUESTS = 1_000

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'check a deployment for the most common faults, and say how to fix them',
  details: `Compares the configuration with the resources, and tests each permission in a way that leaves nothing behind. The checks use the
credentials of the command. To check the permissions of a role, assume the role. With API_URL and API_TOKEN, the command checks the api.
With PROCESSOR_FUNCTION, it checks the event source mapping of that Lambda function instead of the leases of the workers.

With --deep, the command then acts as a client of API_URL: it uploads files in every supported way, measures the deployment, and deletes
the files. It signs in with API_TOKEN, or else with HEADGATE_USERNAME and HEADGATE_PASSWORD. In a terminal, it asks for missing values.

Exits with 1 if any check fails. docs/reference/doctor.md lists all checks and the permissions that they need.`,
  options: {
    only: {
      type: 'string',
      multiple: true,
      value: 'CHECK',
      description: 'run only this check, or with --deep this step. Can be given several times',
    },
    deep: {
      type: 'boolean',
      description: 'upload and delete test files, measure, and print a report for an issue',
    },
    requests: {
      type: 'string',
      value: 'N',
      description: `with --deep: number of small uploads to measure, ${MAX_REQUESTS} at most (default: ${DEFAULT_REQUESTS})`,
    },
    small: { type: 'boolean', description: 'with --deep: skip the file of 65 MiB, for a slow connection' },
  },
  config: doctorConfigSchema,
  async run({ options, config: given, env, output }) {
    const config = normalizeConfig(given)
    const { deep = false, small = false } = options
    if (!deep && (small || options.requests !== undefined)) throw new UsageError('--requests and --small need --deep.')
    const ids = idsOf(options.only, deep)
    const requests = requestsOf(options.requests)
    const print = (result: Result) => output.item(result, textOf(result))
    const warn = (text: string) => void process.stderr.write(`${printable(text)}\n`)
    const check = async (token = config.API_TOKEN) => {
      const withToken = token === undefined ? config : { ...config, API_TOKEN: token }
      const selected = checks.filter(({ id }) => ids.includes(id))
      const results = await withAws(config, aws => runChecks(selected, { config: withToken, aws, env, now: Date.now }))
      results.forEach(print)
      return results
    }
    const only = small ? ids.filter(id => id !== 'grant-in-parts') : ids
    const results = deep
      ? await runDeep({ config, only, requests, check, terminal: processTerminal(), onResult: print, warn, output })
      : await check()
    const failures = results.filter(({ status }) => status === 'failed').length
    const passed = results.filter(({ status }) => status === 'ok').length
    output.note(`\n${passed} ok, ${failures} failed, ${results.length - passed - failures} skipped`)
    return failures > 0 ? exitCodes.failed : exitCodes.done
  },
})

/** Returns the ids of the selected checks and steps. @throws UsageError for an unknown id */
function idsOf(selected: readonly string[] | undefined, deep: boolean): readonly string[] {
  const all = [...checks.map(({ id }) => id), ...(deep ? stepIds : [])]
  const unknown = selected?.find(id => !all.includes(id))
  if (unknown === undefined) return selected ?? all
  const hint = stepIds.includes(unknown) ? ' It is a step of --deep.' : didYouMean(unknown, all, "'")
  throw new UsageError(`There is no check '${unknown}'.${hint} The checks are: ${all.join(', ')}.`)
}

function requestsOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_REQUESTS
  const requests = Number(text)
  if (Number.isInteger(requests) && requests >= 1 && requests <= MAX_REQUESTS) return requests
  throw new UsageError(`--requests must be a whole number from 1 to ${MAX_REQUESTS}, not '${text}'.`)
}

const SIGNS = { ok: 'ok     ', failed: 'FAILED ', skipped: '-      ' } as const

function textOf({ id, title, status, seen, advice }: Result): string {
  const head = `${SIGNS[status]} ${id.padEnd(17)} `
  if (advice === undefined) return `${head} ${seen}`
  return `${head} expected: ${title}\n          seen:     ${seen}\n          do:       ${advice}`
}
