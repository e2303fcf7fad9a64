/** The shapes of the API's answers, as far as the page reads them: docs/openapi.json has all. */

export interface Trend {
  readonly _id: string;
}

export interface SalesFigures {
  readonly totalRevenue: number;
  readonly totalOrders: number;
  readonly averageOrderValue: number;
  readonly uniqueCustomers: number | null;
  readonly returnedAmount: number;
  readonly grossSales: number | null;
  readonly salesTrend: readonly (Trend & { readonly dailyRevenue: number; readonly dailyOrders: number })[];
}

export interface Sales extends SalesFigures {
  readonly comparison?: SalesFigures;
}

export interface ByValue extends Trend {
  readonly revenue: number;
  readonly transactions: number;
}

export interface Revenue {
  readonly trends: readonly (Trend & { readonly returns: number })[];
  readonly byCategory: readonly ByValue[];
  readonly byPaymentMethod: readonly ByValue[];
  readonly byCountry: readonly ByValue[];
}

export interface Periods {
  readonly metrics: readonly (Trend & { readonly uniqueUserCount: number | null })[];
}

export interface TopProducts {
  readonly topSellingProducts: readonly {
    readonly productId: string;
    readonly name: string | null;
    readonly netSales: number;
    readonly totalQuantitySold: number;
  }[];
}

export interface TopCustomers {
  readonly topSpendingCustomers: readonly {
    readonly userId: string;
    readonly username: string | null;
    readonly totalSpend: number;
    readonly orderCount: number;
  }[];
}

export interface Funnel {
  readonly stages: readonly { readonly stage: "viewed" | "added" | "purchased"; readonly users: number; readonly rate: number }[];
  readonly conversion: number;
  readonly trends: readonly (Trend & { readonly viewed: number; readonly purchased: number })[];
}

export interface Retention {
  readonly cohorts: readonly (Trend & {
    readonly customers: number;
    readonly retained: readonly number[];
    readonly rates: readonly number[];
  })[];
}

export interface Feedback {
  readonly totalRatings: number;
  readonly averageRating: number;
  /** None of one product. */
  readonly distribution: readonly { readonly rating: number; readonly count: number }[] | null;
  readonly trends: readonly Counted[];
}

export type Status = "completed" | "pending" | "failed" | "returned";

export interface OrderRow {
  readonly orderId: string;
  readonly userId: string | null;
  readonly orderDate: string;
  readonly status: Status;
  readonly netSales: number;
}

/** A part of a range with what was counted in it. */
export interface Counted extends Trend {
  readonly count: number;
}

export interface Activities {
  readonly totalActivities: number;
  readonly byType: readonly Counted[];
  readonly byPage: readonly Counted[];
  readonly trends: readonly Counted[];
}

interface SumOfSessions {
  readonly sessions: number;
  readonly bounces: number;
  readonly bounceRate: number;
}

export interface Sessions extends SumOfSessions {
  /** None under a filter, and neither is their number for each session. */
  readonly activities: number | null;
  readonly activitiesPerSession: number | null;
  readonly trends: readonly (Trend & SumOfSessions)[];
  readonly byDevice: readonly (Trend & SumOfSessions)[];
  readonly byEntryPage: readonly (Trend & SumOfSessions)[];
}

export interface Pages {
  readonly pagination: { readonly next: string | null };
}

export interface Orders extends Pages {
  readonly orders: readonly OrderRow[];
}

export interface Sold {
  readonly orders: number;
  readonly units: number;
  readonly netSales: number;
  readonly returnedAmount: number;
}

export interface Products extends Pages {
  readonly products: readonly {
    readonly productId: string;
    readonly name: string | null;
    readonly category: string | null;
    readonly price: number | null;
    readonly stock: number | null;
    readonly isGone: boolean;
    readonly sold: Sold;
  }[];
}

export interface Customers extends Pages {
  readonly customers: readonly {
    readonly userId: string;
    readonly isGuest: boolean;
    readonly username: string | null;
    readonly country: string | null;
    readonly sold: Sold;
  }[];
}

/** The name of a product or a customer. */
export interface Named {
  readonly name?: string | null;
  readonly profile?: { readonly username: string | null };
}

export interface Series {
  readonly trend: readonly (Trend & { readonly netSales: number; readonly orders: number })[];
}
