import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { App } from 'aws-cdk-lib'
import type { Test } from 'tap'
import { featureFlags } from '../../../infra/feature-flags.ts'
import { buildHeadgate } from '../../../infra/headgate.ts'
import type { Settings } from '../../../infra/settings/schema.ts'

export interface Resource {
  Type: string
  Properties?: Record<string, unknown>
  Metadata?: Record<string, unknown>
  DeletionPolicy?: string
  UpdateReplacePolicy?: string
}

export interface CloudFormation {
  Resources: Record<string, Resource>
  Outputs?: Record<string, { Value: unknown; Export?: { Name: unknown } }>
}

/** A deployment as CloudFormation receives it. */
export interface Synthesized {
  settings: Settings
  data: CloudFormation
  compute: CloudFormation
  /** The templates of both stacks. */
  files: string[]
}

/** Every combination of compute and gateway. */
export const variants = (['lambda', 'fargate'] as const).flatMap(compute =>
  (['http', 'rest'] as const).map(gateway => ({ compute, gateway })),
)

/**
 * Synthesizes with cdk-nag, whose findings end the synthesis. The output is deleted after the test. The sources of the image are not
 * copied into the output: the copies took longer than everything else.
 *
 * CDK also validates the templates against the schemas of CloudFormation. That compiles a WebAssembly module for 3 s in each process, and
 * its findings are only warnings. So it runs if a test asks for it, and its findings then end the synthesis.
 */
export function synthesize(
  t: Pick<Test, 'teardown'>,
  context: Readonly<Record<string, unknown>>,
  { validate = false } = {},
): Synthesized {
  const outdir = mkdtempSync(path.join(tmpdir(), 'headgate-cdk-'))
  t.teardown(() => rmSync(outdir, { recursive: true }))
  const checks = {
    'aws:cdk:disable-asset-staging': true,
    '@aws-cdk/core:validateAgainstDefaultRules': validate,
  }
  const app = new App({ outdir, context: { ...featureFlags, ...checks, ...context } })
  const { settings, data, compute } = buildHeadgate(app)
  process.env.CDK_VALIDATION = String(validate)
  const assembly = app.synth()
  // Programs that the test starts must validate.
  delete process.env.CDK_VALIDATION
  const [dataStack, computeStack] = [data, compute].map(({ artifactId }) => assembly.getStackArtifact(artifactId))
  return {
    settings,
    data: dataStack?.template,
    compute: computeStack?.template,
    files: [dataStack, computeStack].map(stack => stack?.templateFullPath ?? ''),
  }
}

/** Returns the resources of a type with their logical ids. */
export function ofType({ Resources }: CloudFormation, type: string): Array<[id: string, resource: Resource]> {
  return Object.entries(Resources).filter(([, resource]) => resource.Type === type)
}

/** Returns the properties of the resources of a type. */
export function propertiesOf(template: CloudFormation, type: string): Array<Record<string, unknown>> {
  return ofType(template, type).map(([, { Properties = {} }]) => Properties)
}
