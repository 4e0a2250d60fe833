import { RemovalPolicy } from 'aws-cdk-lib'
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'
import type { Settings } from '../settings/schema.ts'

/** A log that is kept for as long as the settings say, and, in production, outlives its stack. */
export function createLogGroup(scope: Construct, id: string, { logDays, keepData }: Settings): LogGroup {
  return new LogGroup(scope, id, {
    // The members of RetentionDays are their days.
    retention: logDays as RetentionDays,
    removalPolicy: keepData ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY,
  })
}
