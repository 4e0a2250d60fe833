import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { choiceOption, numberOption, parseProgramOptions } from '../../services/local/program-options.ts'
import { runProgram } from '../support/processes.ts'

const root = path.resolve(import.meta.dirname, '../..')

/** The npm scripts that take options. */
const PROGRAMS = ['start', 'headgate', 'bench', 'sim', 'chaos', 'soak', 'field']

const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>
}

/** Returns the arguments with which npm calls Node. */
function argumentsOf(name: string): string[] {
  const [node, ...args] = scripts[name]?.split(' ') ?? []
  if (node !== 'node') throw new Error(`The script ${name} does not run Node: ${scripts[name]}`)
  return args
}

for (const name of PROGRAMS) {
  t.test(`npm run ${name} -- --help prints the options, and a mistyped option is rejected in one line`, async t => {
    const help = runProgram(t, [...argumentsOf(name), '--help'], { cwd: root })
    const wrong = runProgram(t, [...argumentsOf(name), '--hepl'], { cwd: root })
    t.match(await help.ended, { code: 0 }, help.stderr())
    t.match(help.stdout(), /^Usage: /)
    t.match(help.stdout(), /^ +(-h, )?--help\b/m)
    t.match(await wrong.ended, { code: name === 'headgate' ? 2 : 1 })
    t.match(wrong.stderr(), /^Unknown option '--hepl'\. Did you mean '--help'\? See: .* --help\n$/)
    t.equal(wrong.stdout(), '')
  })
}

const flag = { type: 'boolean' } as const

t.test('an invalid command line is rejected with a reference to the help', async t => {
  const parse = (...args: string[]) =>
    parseProgramOptions('npm run x --', { args, options: { seeds: { type: 'string' }, help: flag } })
  t.match(parse('--seeds', '3').values, { seeds: '3' })
  t.throws(() => parse('--sedes', '3'), {
    message: "Unknown option '--sedes'. Did you mean '--seeds'? See: npm run x -- --help",
  })
  t.throws(() => parse('--frob'), { message: "Unknown option '--frob'. See: npm run x -- --help" })
  t.throws(() => parse('-x'), { message: "Unknown option '-x'. See: npm run x -- --help" })
  t.throws(() => parse('frob'), { message: /^Unexpected argument 'frob'\. .*See: npm run x -- --help$/ })
  t.throws(() => parse('--seeds'), { message: "Option '--seeds <value>' argument missing. See: npm run x -- --help" })
})

t.test('the value of a number or a choice is checked', async t => {
  t.equal(numberOption('jobs', '4', { min: 1 }), 4)
  t.equal(numberOption('minutes', '0.5', { min: 0, fraction: true }), 0.5)
  for (const value of ['', '0', '-1', '1.5', '1e1', '0x5', 'many', '9007199254740993']) {
    t.throws(() => numberOption('jobs', value, { min: 1 }), {
      code: 'HEADGATE_USAGE',
      message: `--jobs must be a whole number of at least 1, not "${value}".`,
    })
  }
  t.throws(() => numberOption('rounds', '101', { min: 1, max: 100 }), {
    message: '--rounds must be a whole number from 1 to 100, not "101".',
  })
  t.throws(() => numberOption('rate', 'fast', { min: 1, fraction: true }), {
    message: '--rate must be a number of at least 1, not "fast".',
  })
  t.equal(choiceOption('orphans', 'swept', ['swept', 'allowed']), 'swept')
  t.throws(() => choiceOption('orphans', 'alowed', ['swept', 'allowed']), {
    message: '--orphans must be one of swept, allowed, not "alowed". Did you mean "allowed"?',
  })
})
