import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { everything } from './support/contexts.ts'
import { type CloudFormation, synthesize, variants } from './support/synthesize.ts'

const run = promisify(execFile)

/** Each variant with the fewest resources, and as an operator of regulated data deploys it with every setting. */
const templates = [{}, { ...everything, preset: 'regulated' }]
  .flatMap(context => variants.map(variant => synthesize(t, { ...context, ...variant })))
  .flatMap(({ settings, files }) => {
    const { preset, compute, gateway } = settings
    return files.map(file => ({ name: `${preset}-${compute}-${gateway}-${path.basename(file)}`, file }))
  })

async function isInstalled(command: string): Promise<boolean> {
  try {
    await run(command, ['--version'])
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

t.test('has no finding of cfn-lint except the warning that the templates accept', async t => {
  if (!(await isInstalled('cfn-lint'))) {
    return t.pass('skipped', { skip: 'cfn-lint is not installed: pip install cfn-lint' })
  }
  const files = templates.map(({ file }) => file)
  // It exits with a code other than 0 where it finds something, and has then written that to its standard output.
  const { stdout } = await run('cfn-lint', ['--', ...files]).catch((error: { stdout: string }) => error)
  t.equal(stdout.trim(), '')
  for (const file of files) {
    const { Metadata } = JSON.parse(readFileSync(file, 'utf8')) as { Metadata?: Record<string, unknown> }
    const accepted = file.includes('-data.') ? undefined : { config: { ignore_checks: ['W3005'] } }
    t.strictSame(Metadata?.['cfn-lint'], accepted, path.basename(file))
  }
})

interface Finding {
  check_id: string
  file_path: string
  /** `AWS::S3::Bucket.LogicalId` */
  resource: string
}

/** Runs checkov on a directory of templates and returns what it finds, as `template resource check`. */
async function scan(directory: string): Promise<string[]> {
  const options = ['--framework', 'cloudformation', '--output', 'json', '--compact', '--quiet', '--skip-download']
  const { stdout } = await run('checkov', ['--directory', directory, ...options, '--soft-fail'], { maxBuffer: 2 ** 27 })
  const report = JSON.parse(stdout) as {
    results: { failed_checks: Finding[] }
    summary: { parsing_errors: number; resource_count: number }
  }
  const { parsing_errors, resource_count } = report.summary
  if (parsing_errors > 0 || resource_count === 0) throw new Error(`checkov: ${JSON.stringify(report.summary)}`)
  return report.results.failed_checks.map(
    ({ check_id, file_path, resource }) => `${path.basename(file_path)} ${resource.split('.').at(-1)} ${check_id}`,
  )
}

/** Removes the acceptances from a template, and returns them. */
function removeAcceptances({ Resources }: CloudFormation): Array<{ resource: string; id: string }> {
  return Object.entries(Resources).flatMap(([resource, { Metadata }]) => {
    const { skip = [] } = (Metadata?.checkov ?? {}) as { skip?: Array<{ id: string }> }
    delete Metadata?.checkov
    return skip.map(({ id }) => ({ resource, id }))
  })
}

t.test('accepts every finding of checkov in the templates, and nothing that checkov does not find', async t => {
  if (!(await isInstalled('checkov'))) {
    return t.pass('skipped', { skip: 'checkov is not installed: pip install checkov' })
  }
  const directory = mkdtempSync(path.join(tmpdir(), 'headgate-checkov-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const [asDeployed, withoutAcceptances] = ['as-deployed', 'bare'].map(name => {
    mkdirSync(path.join(directory, name))
    return path.join(directory, name)
  }) as [string, string]
  const accepted: string[] = []
  for (const { name, file } of templates) {
    copyFileSync(file, path.join(asDeployed, name))
    const template = JSON.parse(readFileSync(file, 'utf8')) as CloudFormation
    accepted.push(...removeAcceptances(template).map(({ resource, id }) => `${name} ${resource} ${id}`))
    writeFileSync(path.join(withoutAcceptances, name), JSON.stringify(template))
  }
  t.strictSame(await scan(asDeployed), [], 'checkov reads the acceptances in the templates')
  t.strictSame((await scan(withoutAcceptances)).sort(), accepted.sort())
})
