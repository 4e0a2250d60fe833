import type { App, Stack } from 'aws-cdk-lib'
import { Tags, Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'
import { acknowledgeDependencies } from './acknowledge.ts'
import { FargateStack } from './compute/fargate/fargate-stack.ts'
import { LambdaStack } from './compute/lambda/lambda-stack.ts'
import { DataStack } from './data/data-stack.ts'
import { createConsolePolicy } from './permissions/console-policy.ts'
import { readSettings } from './settings/read.ts'
import type { Settings } from './settings/schema.ts'

export interface Headgate {
  settings: Settings
  data: DataStack
  compute: Stack
}

/** Types that take no tags, or whose tags CloudFormation's own checks do not know. */
const WITHOUT_TAGS = [
  'AWS::ApplicationAutoScaling::ScalableTarget',
  'AWS::ElasticLoadBalancingV2::Listener',
  'AWS::CloudWatch::Dashboard',
]

/**
 * Builds the data stack and the compute stack that the context asks for. Neither names an account or a region, so that they
 * synthesize anywhere. A finding of cdk-nag that is not acknowledged ends the synthesis.
 *
 * @throws SettingsError
 */
export function buildHeadgate(app: App): Headgate {
  const settings = readSettings(app.node.getAllContext())
  const { name, compute } = settings
  const data = new DataStack(app, `${name}-data`, settings)
  const Compute = compute === 'lambda' ? LambdaStack : FargateStack
  const computing = new Compute(app, `${name}-${compute}`, { data: data.data, settings })
  computing.addStackDependency(data)
  createConsolePolicy(computing, data.data)
  acknowledgeDependencies(computing)
  Tags.of(app).add('application', name, { excludeResourceTypes: WITHOUT_TAGS })
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
  return { settings, data, compute: computing }
}
