import { withAws } from '../aws.ts'
import { defineCommand } from '../command.ts'
import { checks } from '../doctor/checks/index.ts'
import { doctorConfigSchema } from '../doctor/config.ts'
import { type Result, runChecks } from '../doctor/run-checks.ts'
import { exitCodes, UsageError } from '../errors.ts'

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'checks what goes wrong first, and says what to do about it',
  details: `Holds the configuration against what is there, and tries each permission in a way that leaves nothing behind. It is done with
the credentials of whoever runs it: to check those of a role, take on the role. With API_URL and API_TOKEN it asks the api as well;
with PROCESSOR_FUNCTION it looks at the mapping of that Lambda function, and without it at the leases of the workers.
Exits with 1 where any check fails. All checks, and the permissions that they need: docs/doctor.md.`,
  options: {
    only: {
      type: 'string',
      multiple: true,
      value: 'CHECK',
      description: 'this check alone; can be given several times',
    },
  },
  config: doctorConfigSchema,
  async run({ options, config, env, output }) {
    const wanted = checksOf(options.only)
    const results = await withAws(config, aws => runChecks(wanted, { config, aws, env, now: Date.now }))
    for (const result of results) output.item(result, textOf(result))
    const failures = results.filter(({ status }) => status === 'failed').length
    const passed = results.filter(({ status }) => status === 'ok').length
    output.note(`\n${passed} ok, ${failures} failed, ${results.length - passed - failures} skipped`)
    return failures > 0 ? exitCodes.failed : exitCodes.done
  },
})

function checksOf(ids: readonly string[] | undefined) {
  if (ids === undefined) return checks
  const unknown = ids.find(id => !checks.some(check => check.id === id))
  if (unknown === undefined) return checks.filter(({ id }) => ids.includes(id))
  throw new UsageError(`There is no check '${unknown}'. There is: ${checks.map(({ id }) => id).join(', ')}.`)
}

const SIGNS = { ok: 'ok     ', failed: 'FAILED ', skipped: '-      ' } as const

function textOf({ id, title, status, seen, advice }: Result): string {
  const head = `${SIGNS[status]} ${id.padEnd(17)} `
  if (advice === undefined) return `${head} ${seen}`
  return `${head} not so: ${title}\n          seen: ${seen}\n          do:   ${advice}`
}
