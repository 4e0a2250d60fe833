package interop;

import software.amazon.kinesis.coordinator.CoordinatorConfig;
import software.amazon.kinesis.coordinator.CoordinatorConfig.ClientVersionConfig;
import software.amazon.kinesis.leases.LeaseManagementConfig;

public final class Main {
    private static final long REPORT_MILLIS = 3000;

    private Main() {}

    /**
     * Runs a worker of KCL 3 in its own mode, or in the mode in which it shares a lease table with workers of 2.x. AWS
     * describes that mode as the first step of a migration.
     */
    public static void main(String[] args) {
        Worker.run("native".equals(System.getenv("INTEROP_MODE")) ? Main::beNative : Main::beCompatible);
    }

    private static void beCompatible(CoordinatorConfig coordinator, LeaseManagementConfig leases) {
        coordinator.clientVersionConfig(ClientVersionConfig.CLIENT_VERSION_CONFIG_COMPATIBLE_WITH_2X);
    }

    /** Workers on one machine would all report the same processor load. Without it, the leader balances the throughput. */
    private static void beNative(CoordinatorConfig coordinator, LeaseManagementConfig leases) {
        coordinator.clientVersionConfig(ClientVersionConfig.CLIENT_VERSION_CONFIG_3X);
        leases.workerUtilizationAwareAssignmentConfig()
                .disableWorkerMetrics(true)
                .workerMetricsReporterFreqInMillis(REPORT_MILLIS);
    }
}
