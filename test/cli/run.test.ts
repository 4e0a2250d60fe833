import t from 'tap'
import { Type } from 'typebox'
import { defineCommand } from '../../services/cli/command.ts'
import { RefusedError } from '../../services/cli/errors.ts'
import { runCli } from '../../services/cli/run.ts'
import { sharedProperties } from '../../services/platform/config/shared.ts'

const greet = defineCommand({
  name: 'fleet greet',
  summary: 'says hello',
  operands: 'NAME',
  options: { loud: { type: 'boolean', description: 'louder' } },
  config: Type.Object({ AWS_REGION: sharedProperties.AWS_REGION }),
  async run({ options, operands, config, output }) {
    if (operands[0] === 'nobody') throw new RefusedError('Name somebody.')
    if (operands[0] === 'bug') throw new TypeError('no such thing')
    if (operands[0] === 'aws') throw Object.assign(new Error('connect ECONNREFUSED'), { $metadata: { attempts: 3 } })
    output.item(
      { hello: operands[0], at: config.AWS_REGION },
      `hello ${operands[0]}${options.loud ? '!' : ''}\u001b[2J`,
    )
    output.note('that was all')
    return operands[0] === 'three' ? 3 : undefined
  },
})
const wait = defineCommand({ name: 'wait', summary: 'waits', options: {}, config: Type.Object({}), run: async () => 0 })

async function run(...args: string[]) {
  const output = { stdout: '', stderr: '' }
  const code = await runCli(args, {
    commands: { 'fleet greet': async () => greet, wait: async () => wait },
    env: { AWS_REGION: 'us-east-1' },
    stdout: text => {
      output.stdout += `${text}\n`
    },
    stderr: text => {
      output.stderr += `${text}\n`
    },
  })
  return { code, ...output }
}

t.test('a command receives its options, arguments and configuration, and resolves to its exit code', async t => {
  t.strictSame(await run('fleet', 'greet', 'ann', '--loud'), {
    code: 0,
    stdout: 'hello ann!\\x1b[2J\n',
    stderr: 'that was all\n',
  })
  t.equal((await run('fleet', 'greet', 'three')).code, 3)
})

t.test('--json prints one object per line and nothing else, errors included', async t => {
  const { stdout, stderr } = await run('fleet', 'greet', '--json', 'ann')
  t.strictSame([stdout, stderr], ['{"hello":"ann","at":"us-east-1"}\n', ''])
  const refused = await run('fleet', 'greet', '--json', 'nobody')
  t.equal(refused.code, 1)
  t.strictSame(JSON.parse(refused.stderr), { error: { code: 'HEADGATE_REFUSED', message: 'Name somebody.' } })
})

t.test('lists the commands and exits with 0 for an empty command line or --help', async t => {
  for (const args of [[], ['--help']]) {
    const { code, stdout } = await run(...args)
    t.equal(code, 0)
    t.match(stdout, /^ {2}fleet greet +says hello\n {2}wait +waits$/m)
  }
  for (const args of [['fleet'], ['fleet', '--help']]) {
    const { code, stdout } = await run(...args)
    t.equal(code, 0)
    t.match(stdout, /^Usage: headgate fleet /m)
    t.notMatch(stdout, 'wait')
  }
  t.match((await run('--version')).stdout, /^\d+\.\d+\.\d+\n$/)
})

t.test('the help of a command lists its options and variables, and works without those variables', async t => {
  const { code, stdout } = await run('fleet', 'greet', '--help')
  t.equal(code, 0)
  t.match(stdout, 'Usage: headgate fleet greet NAME [options]')
  t.match(stdout, /^ {2}--loud +louder$/m)
  t.match(stdout, 'Reads AWS_REGION from the environment.')
})

t.test('an invalid command line exits with 2 and refers to the help', async t => {
  const wrong: Array<[string[], RegExp]> = [
    [['dance'], /There is no command 'dance'. See: headgate --help/],
    [['fleet', 'dance'], /There is no command 'fleet dance'. See: headgate fleet --help/],
    [['--loud'], /Unknown option '--loud'. See: headgate --help/],
    [['wiat'], /There is no command 'wiat'. Did you mean 'wait'\? See: headgate --help/],
    [['flet', 'greet'], /There is no command 'flet'. Did you mean 'fleet'\? See: headgate --help/],
    [['fleet', 'gret'], /There is no command 'fleet gret'. Did you mean 'fleet greet'\? See: headgate fleet --help/],
    [['fleet', 'greet', '--lod'], /Unknown option '--lod'. Did you mean '--loud'\? See: headgate fleet greet --help/],
    [['fleet', 'greet', '--soft'], /Unknown option '--soft'. See: headgate fleet greet --help/],
    [['wait', 'long'], /'headgate wait' does not take the argument 'long'. See: headgate wait --help/],
  ]
  for (const [args, message] of wrong) {
    const { code, stdout, stderr } = await run(...args)
    t.strictSame([code, stdout], [2, ''], args.join(' '))
    t.match(stderr, message)
  }
})

t.test(
  'an error exits with 1, and prints a message if it is expected, a hint if it comes from AWS, and a stack otherwise',
  async t => {
    t.strictSame(await run('fleet', 'greet', 'nobody'), { code: 1, stdout: '', stderr: 'Name somebody.\n' })
    t.match(await run('fleet', 'greet', 'bug'), { code: 1, stderr: /TypeError: no such thing\n {4}at / })
    t.match(await run('fleet', 'greet', 'aws'), { code: 1, stderr: /ECONNREFUSED\nCheck AWS_REGION and/ })
  },
)
